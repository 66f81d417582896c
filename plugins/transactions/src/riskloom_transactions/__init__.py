"""The financial transactions domain of riskloom."""
