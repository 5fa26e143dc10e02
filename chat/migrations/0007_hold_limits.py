"""Limits on how many there can be."""

from django.db import migrations

from chat.schema.files import RunSQLFile


class Migration(migrations.Migration):
    """Refuse a channel, thread, pin, emoji or person in a group past the limit of them.

    Takes SHARE ROW EXCLUSIVE on the tables concerned for a moment: reads go on, writes wait. Rows
    that are there already are not looked at: what is over a limit stays. Safe with the previous
    code, which counts before it writes; only an emoji in another form is refused to it. Undone by
    dropping the triggers.
    """

    dependencies = [("chat", "0006_fix_identities")]

    operations = [RunSQLFile(__file__)]
