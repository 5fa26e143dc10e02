"""Each channel that is opened or closed is looked up by its key, however many there are."""

from django.db import migrations

from chat.schema.files import RunSQLFile


class Migration(migrations.Migration):
    """Open and close channels one by one.

    A function is replaced in a moment, without a lock on a table. Safe with the code before and
    after. Undone by the function as it was.
    """

    dependencies = [("chat", "0020_keep_owners_in_groups")]

    operations = [RunSQLFile(__file__)]
