"""What this project requires of PostgreSQL, where Django requires less."""

from django.db.backends.postgresql import features


class DatabaseFeatures(features.DatabaseFeatures):
    """PostgreSQL from 15 on: UNIQUE NULLS NOT DISTINCT, on which the schema relies, is of 15."""

    minimum_database_version = (15,)
    # Django 6 asks the server, which has them from 18 on, so `check` would connect. The schema has
    # none.
    supports_virtual_generated_columns = False
