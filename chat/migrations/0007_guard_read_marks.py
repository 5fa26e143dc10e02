"""Read marks that only move forward."""

from django.db import migrations

from chat.schema.files import RunSQLFile


class Migration(migrations.Migration):
    """Refuse a read mark that moves back, or past the newest message.

    Takes SHARE ROW EXCLUSIVE on the tables concerned for a moment: reads go on, writes wait. Rows
    that are there already are not looked at. Undone by dropping the triggers.
    """

    dependencies = [("chat", "0006_refuse_banned_members")]

    operations = [RunSQLFile(__file__)]
