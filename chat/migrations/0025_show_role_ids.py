"""The roles of a member, beside what they may do."""

from django.db import migrations

from chat.schema.files import RunSQLFile


class Migration(migrations.Migration):
    """Add `role_ids` to channel_access.

    The unread overview compares them with the roles that are mentioned; it looked them up again in
    every channel with a mention. Locks the view alone, ACCESS EXCLUSIVE for a moment. Safe with
    the previous code. Undone by making the view again, with its grants.
    """

    dependencies = [("chat", "0024_write_down_discarded_files")]

    operations = [RunSQLFile(__file__)]
