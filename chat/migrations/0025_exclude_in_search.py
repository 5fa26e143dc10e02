"""Words in Chinese, Japanese, Korean or Thai, or with emoji, in less time; more can be excluded."""

from django.db import migrations

from chat.schema.files import RunSQLFile


class Migration(migrations.Migration):
    """Replace the functions that make the words of a message and of a query.

    The words of a message are the same to the byte, so nothing that is stored is made anew. A query
    excludes what was required of a message: -#tag, -@name, an emoji behind a minus, -upg*. A
    function is replaced in a moment, without a lock on a table. Safe with the code before and
    after. Undone by the functions as they were.
    """

    dependencies = [("chat", "0024_guard_erasures_and_policies")]

    operations = [RunSQLFile(__file__)]
