"""Applying migrations: each with its records in one commit."""
