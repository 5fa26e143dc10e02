"""Histories that nobody rewrites."""

from django.db import migrations

from chat.schema.files import RunSQLFile


class Migration(migrations.Migration):
    """Keep what an edit replaces, and refuse changes to revisions and to both logs.

    Takes SHARE ROW EXCLUSIVE on the tables concerned for a moment: reads go on, writes wait. Undone
    by dropping the triggers; the rows stay.
    """

    dependencies = [("chat", "0003_number_messages")]

    operations = [RunSQLFile(__file__)]
