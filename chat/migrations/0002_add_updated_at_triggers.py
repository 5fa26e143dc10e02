"""updated_at, kept by triggers."""

from django.db import migrations

from chat.schema.files import RunSQLFile


class Migration(migrations.Migration):
    """Give every table that has the column a trigger that moves it.

    Takes SHARE ROW EXCLUSIVE on each table for a moment: reads go on, writes wait. Safe with code
    that sets the column itself. Undone by dropping the triggers; the values stay.
    """

    dependencies = [("chat", "0001_initial")]

    operations = [RunSQLFile(__file__)]
