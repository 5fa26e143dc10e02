"""Revisions of edited messages."""

from django.db import migrations

from chat.schema.files import RunSQLFile


class Migration(migrations.Migration):
    """Keep what an edit of a message replaces.

    Takes SHARE ROW EXCLUSIVE on both tables of messages for a moment: reads go on, writes wait.
    Undone by dropping the triggers; revisions that were kept stay.
    """

    dependencies = [("chat", "0003_number_messages")]

    operations = [RunSQLFile(__file__)]
