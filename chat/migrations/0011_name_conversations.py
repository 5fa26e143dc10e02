"""Conversations under their old names."""

from django.db import migrations

from chat.schema.files import RunSQLFile


class Migration(migrations.Migration):
    """Create the views direct_conversations and direct_messages.

    Locks nothing that anybody waits for. Undone by dropping them; nothing is stored in them.
    """

    dependencies = [("chat", "0010_keep_discarded_files")]

    operations = [RunSQLFile(__file__)]
