"""Effective permissions, as one relation."""

from django.db import migrations

from chat.schema.files import RunSQLFile


class Migration(migrations.Migration):
    """Create the view channel_access, what asks for one channel, and what keeps old messages read.

    The triggers take SHARE ROW EXCLUSIVE on roles, member_roles, channel_permissions, servers and
    channels for a moment: reads go on, writes wait. Undone by dropping all of it; the marks that
    were moved and the openings that were written stay.
    """

    dependencies = [("chat", "0007_hold_limits")]

    operations = [RunSQLFile(__file__)]
