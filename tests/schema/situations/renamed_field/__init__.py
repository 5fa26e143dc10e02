"""A field that is renamed, which cannot be done twice to the same state."""
