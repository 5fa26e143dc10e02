"""What was refused of new rows alone, or of changed ones alone, is refused of both."""

from django.db import migrations

from chat.schema.files import RunSQLFile


class Migration(migrations.Migration):
    """Refuse a row that is given to an erased user later, and a policy that comes with a new row.

    Each table is locked for a moment (SHARE ROW EXCLUSIVE). Rows are not looked at: what was so
    before stays so, and check_integrity finds it. Safe with the code before and after. Undone by
    dropping the triggers.
    """

    dependencies = [("chat", "0023_keep_plan_of_permissions")]

    operations = [RunSQLFile(__file__)]
