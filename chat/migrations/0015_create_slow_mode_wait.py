"""Slow mode, exactly."""

from django.db import migrations

from chat.schema.files import RunSQLFile


class Migration(migrations.Migration):
    """Create the function that sending asks in a channel with slow mode.

    Takes no lock on a table and is done at once. Safe with the previous code, which does not call
    it. Undone by dropping the function.
    """

    dependencies = [("chat", "0014_let_erasure_into_the_log")]

    operations = [RunSQLFile(__file__)]
