"""Words of a message in Chinese, Japanese, Korean or Thai, or with emoji, in less time."""

from django.db import migrations

from chat.schema.files import RunSQLFile


class Migration(migrations.Migration):
    """Replace the function that makes the words of a message, and leave the words as they are.

    The words are the same to the byte, so nothing that is stored is made anew. A function is
    replaced in a moment, without a lock on a table. Safe with the code before and after. Undone by
    the function as it was.
    """

    dependencies = [("chat", "0022_look_up_by_key")]

    operations = [RunSQLFile(__file__)]
