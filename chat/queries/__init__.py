"""Reads, filed by what they return; each says how many SQL statements it takes.

A page is a frozen dataclass with the cursors to its neighbours. Nothing here writes.
"""
