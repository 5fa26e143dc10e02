"""The session with the database: its lock, its settings, and who stands in its way."""
