"""What somebody may do in a channel is not planned anew at each call."""

from django.db import migrations

from chat.schema.files import RunSQLFile


class Migration(migrations.Migration):
    """Keep the plans of channel_permissions().

    A function gets a setting in a moment, without a lock on a table. Safe with the code before and
    after. Undone by taking the setting away.
    """

    dependencies = [("chat", "0021_close_channels_by_key")]

    operations = [RunSQLFile(__file__)]
