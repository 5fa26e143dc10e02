"""A migration that can be stopped when its index is there, and its record is not."""
