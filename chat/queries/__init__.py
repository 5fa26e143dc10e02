"""Reads, in files named after what they return; each says how many SQL statements it takes.

A page is a frozen dataclass with the cursors of its neighbours. Nothing here writes.
"""
