"""The environment: the one place where it is read."""
