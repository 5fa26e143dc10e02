"""Rows that stay what they are."""

from django.db import migrations

from chat.schema.files import RunSQLFile


class Migration(migrations.Migration):
    """Refuse that users and codes go, that everyone's role changes, and rows their tenant.

    Takes SHARE ROW EXCLUSIVE on the tables concerned for a moment: reads go on, writes wait. Rows
    that are there already are not looked at. Undone by dropping the triggers.
    """

    dependencies = [("chat", "0005_guard_people")]

    operations = [RunSQLFile(__file__)]
