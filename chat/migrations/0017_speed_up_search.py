"""The words of a message in less time; versions and beginnings of words that are asked for."""

from django.db import migrations

from chat.schema.files import RunSQLFile


class Migration(migrations.Migration):
    """Replace the functions that make words of a text and of a query.

    Locks no table, and takes no time. The words of a text are the same, so nothing that is stored
    is written; a query finds more. Safe with the code before and after. Undone by the functions as
    they were.
    """

    dependencies = [("chat", "0014_keep_old_messages_read")]

    operations = [RunSQLFile(__file__)]
