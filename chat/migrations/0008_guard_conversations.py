"""Private conversations without strangers."""

from django.db import migrations

from chat.schema.files import RunSQLFile


class Migration(migrations.Migration):
    """Refuse a third in a pair, and reactions and files of strangers.

    Takes SHARE ROW EXCLUSIVE on the tables concerned for a moment: reads go on, writes wait. Rows
    that are there already are not looked at. Undone by dropping the triggers.
    """

    dependencies = [("chat", "0007_guard_read_marks")]

    operations = [RunSQLFile(__file__)]
