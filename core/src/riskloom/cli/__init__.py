"""The command line: one module for each command group, imported when its command is used."""
