"""What somebody may do in a channel is asked by a plan that is kept, whatever roles they have."""

from django.db import migrations

from chat.schema.files import RunSQLFile


class Migration(migrations.Migration):
    """Hide from the planner which roles a member has.

    A function is replaced in a moment, without a lock on a table. Safe with the code before and
    after. Undone by the function as it was.
    """

    dependencies = [("chat", "0022_look_up_by_key")]

    operations = [RunSQLFile(__file__)]
