"""Who may be where."""

from django.db import migrations

from chat.schema.files import RunSQLFile


class Migration(migrations.Migration):
    """Make owners members; refuse banned members, wrong marks, strangers and the erased.

    Takes SHARE ROW EXCLUSIVE on the tables concerned for a moment: reads go on, writes wait. Rows
    that are there already are not looked at. Undone by dropping the triggers.
    """

    dependencies = [("chat", "0004_keep_histories")]

    operations = [RunSQLFile(__file__)]
