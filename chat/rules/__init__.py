"""The rules as values: permissions, limits, names, mentions.

This room knows neither Django nor the database.
"""
