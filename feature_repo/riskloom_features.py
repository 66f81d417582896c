"""The Feast objects of every installed event domain. Feast looks for them among this module's names."""

from riskloom.features.objects import repository_objects

# By its own name each: Feast collects a module's objects from its variables.
globals().update({f"{type(one).__name__.lower()}_{one.name}": one for one in repository_objects()})
