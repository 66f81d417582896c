"""A new domain's package, written from templates: it installs, passes the kit and scores events at once."""
