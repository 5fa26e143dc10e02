"""A row that is there is not given to an erased user either."""

from django.db import migrations

from chat.schema.files import RunSQLFile


class Migration(migrations.Migration):
    """Refuse changes after which a row names an erased user, or an erased participant is back.

    Each table is locked for a moment (SHARE ROW EXCLUSIVE). Rows are not looked at: what was so
    before stays so, and check_integrity finds it. Safe with the code before and after. Undone by
    dropping the triggers.
    """

    dependencies = [("chat", "0022_look_up_by_key")]

    operations = [RunSQLFile(__file__)]
