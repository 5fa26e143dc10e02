"""What was there before somebody could read it is not unread to them."""

from django.db import migrations

from chat.schema.files import RunSQLFile


class Migration(migrations.Migration):
    """Move read marks, or write down who could read before, with each change that lets somebody in.

    The triggers take SHARE ROW EXCLUSIVE on roles, member_roles, channel_permissions, servers and
    channels for a moment: reads go on, writes wait. Undone by dropping all of it; the marks that
    were moved and the openings that were written stay.
    """

    dependencies = [("chat", "0013_refresh_search")]

    operations = [RunSQLFile(__file__)]
