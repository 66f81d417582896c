"""Dead letters: what they are, how many, and how they are sent again."""
