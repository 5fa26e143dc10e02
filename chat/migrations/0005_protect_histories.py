"""Histories that cannot be rewritten."""

from django.db import migrations

from chat.schema.files import RunSQLFile


class Migration(migrations.Migration):
    """Refuse changes to the audit log and to revisions.

    Takes SHARE ROW EXCLUSIVE on both tables for a moment: reads go on, writes wait. Code that only
    adds rows does not notice. Undone by dropping the triggers; the rows stay.
    """

    dependencies = [("chat", "0004_keep_revisions")]

    operations = [RunSQLFile(__file__)]
