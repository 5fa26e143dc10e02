"""Migrations: SQL files, the live catalogue, the state of every migration.

It knows Django and PostgreSQL and nothing of the application; see README.md for its contract.
"""
