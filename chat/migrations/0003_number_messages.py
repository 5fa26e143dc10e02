"""Messages in rows without gaps."""

from django.db import migrations

from chat.schema.files import RunSQLFile


class Migration(migrations.Migration):
    """Number messages in the order of their commits, and count an import once a statement.

    Takes SHARE ROW EXCLUSIVE on the tables of messages, channels and counters for a moment:
    reads go on, writes wait. Undone by dropping the triggers; messages keep their numbers.
    """

    dependencies = [("chat", "0002_add_updated_at_triggers")]

    operations = [RunSQLFile(__file__)]
