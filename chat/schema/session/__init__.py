"""The session with the database: its lock, its settings, and who blocks it."""
