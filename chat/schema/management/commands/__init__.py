"""The commands of the migration room."""
