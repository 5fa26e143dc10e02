"""Effective permissions, as one relation."""

from django.db import migrations

from chat.schema.files import RunSQLFile


class Migration(migrations.Migration):
    """Create the view channel_access, and what asks for one channel: permissions and slow mode.

    Locks nothing that anybody waits for. Undone by dropping them; nothing is stored in them.
    """

    dependencies = [("chat", "0007_hold_limits")]

    operations = [RunSQLFile(__file__)]
