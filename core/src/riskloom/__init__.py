"""riskloom scores risk on every event the moment it happens.

An event domain (schema, generator, features, scoring rule) is a pip package; one Kafka producer and one Spark job
pick it up. A plugin author needs `riskloom.domain` and `riskloom.hookspecs`; everything else is reached from the
command line (`riskloom --help`).
"""
