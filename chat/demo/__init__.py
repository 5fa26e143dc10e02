"""A made-up community of any size, to look at and to measure with. Nothing here is for production.

Everything follows from the Plan: the same plan makes the same rows, to the last id and moment.
"""
