"""A batch of a purge takes as long as the one before, however much there is."""

from django.db import migrations, models

from chat.schema.files import RunSQLFile


class Migration(migrations.Migration):
    """Look for a channel's lowest number from the one before on, and for its threads by an index.

    Takes SHARE on channels while it reads them, a second for each million: reads and messages go
    on, whoever writes a channel waits. A function is replaced in a moment. Safe with the code
    before and after. Undone by the function of 0003 and by dropping the index, which takes ACCESS
    EXCLUSIVE on channels for a moment.
    """

    dependencies = [("chat", "0014_keep_old_messages_read")]

    operations = [
        RunSQLFile(__file__),
        migrations.AddIndex(
            model_name="channel",
            index=models.Index(
                fields=["space_id", "parent"],
                name="channels_parent_ix",
                condition=models.Q(parent__isnull=False),
            ),
        ),
    ]
