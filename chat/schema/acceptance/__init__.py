"""Accepting what is there: a changed file, or drift."""
