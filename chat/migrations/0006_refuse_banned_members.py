"""Bans against members."""

from django.db import migrations

from chat.schema.files import RunSQLFile


class Migration(migrations.Migration):
    """Refuse a ban of a member, and a banned user as a member.

    Takes SHARE ROW EXCLUSIVE on the tables concerned for a moment: reads go on, writes wait. Rows
    that are there already are not looked at. Undone by dropping the triggers.
    """

    dependencies = [("chat", "0005_protect_histories")]

    operations = [RunSQLFile(__file__)]
