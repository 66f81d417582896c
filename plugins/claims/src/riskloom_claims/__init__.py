"""The insurance claims domain of riskloom."""
