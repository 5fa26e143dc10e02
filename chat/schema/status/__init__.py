"""The state of every migration, on disk and in the database."""
