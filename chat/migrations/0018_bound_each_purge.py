"""A batch of a purge takes as long as the one before, however much there is."""

from django.db import migrations

from chat.schema.files import RunSQLFile


class Migration(migrations.Migration):
    """Look for a channel's lowest number from the one before on.

    A function is replaced in a moment, without a lock on a table. Safe with the code before and
    after. Undone by the function as it was.
    """

    dependencies = [("chat", "0017_bound_lists")]

    operations = [RunSQLFile(__file__)]
