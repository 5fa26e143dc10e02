"""A unique index that is built concurrently and takes the name that PostgreSQL gives it."""
