"""How well a domain's rule finds what is labelled: generated patterns, or real events with a label."""
