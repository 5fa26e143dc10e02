"""A migration that can be stopped in the middle of its DDL, its data, and its rollback."""
