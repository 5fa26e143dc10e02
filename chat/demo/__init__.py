"""A made-up community of any size, to look at and to measure with; not for production.

Everything follows from the Plan: the same plan makes the same rows, with the same ids and times.
"""
