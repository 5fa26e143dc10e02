"""The rules: permissions, limits, names, mentions, where a table belongs.

Nothing here imports Django or a database.
"""
