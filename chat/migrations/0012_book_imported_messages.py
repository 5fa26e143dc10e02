"""Imports: messages that bring their own numbers."""

from django.db import migrations

from chat.schema.files import RunSQLFile


class Migration(migrations.Migration):
    """Let an import bring numbers, and book them once for each statement.

    Numbering row by row updates the channel for each message, which takes more than half of COPY's
    speed. Takes SHARE ROW EXCLUSIVE on both tables of messages for a moment: reads go on, writes
    wait. Safe with the previous code, which never sets chat.import. Undone by numbering every row
    again; messages keep their numbers.
    """

    dependencies = [("chat", "0011_add_message_search")]

    operations = [RunSQLFile(__file__)]
