"""Erased users, and what would be written for them afterwards."""

from django.db import migrations

from chat.schema.files import RunSQLFile


class Migration(migrations.Migration):
    """Refuse new rows that belong to an erased user, however close to the erasure they came.

    Takes SHARE ROW EXCLUSIVE on the tables concerned for a moment: reads go on, writes wait. Rows
    that are there already are not looked at. Undone by dropping the triggers.
    """

    dependencies = [("chat", "0016_add_schema_permission")]

    operations = [RunSQLFile(__file__)]
