"""The rules: permissions, limits, names, mentions. Nothing here imports Django or a database."""
