"""Rows are looked up by their keys, whatever a connection has planned before."""

from django.db import migrations

from chat.schema.files import RunSQLFile


class Migration(migrations.Migration):
    """Keep sequential scans from the plans of triggers that look messages up.

    A function gets a setting in a moment, without a lock on a table. Safe with the code before and
    after. Undone by taking the settings away.
    """

    dependencies = [("chat", "0021_close_channels_by_key")]

    operations = [RunSQLFile(__file__)]
