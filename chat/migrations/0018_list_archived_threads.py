"""The archived threads of a channel, page by page."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Add the index that the archived threads of a channel are read along.

    Takes SHARE on channels while it reads them, a second for each million: reads and messages go
    on, whoever writes a channel waits. Safe with code that does not know of it. Undone by dropping
    the index, which takes ACCESS EXCLUSIVE on channels for a moment.
    """

    dependencies = [("chat", "0017_speed_up_search")]

    operations = [
        migrations.AddIndex(
            model_name="channel",
            index=models.Index(
                fields=["space_id", "parent", "-archived_at", "-id"],
                name="channels_archived_ix",
                condition=models.Q(
                    kind="thread", archived_at__isnull=False, deleted_at__isnull=True
                ),
            ),
        ),
    ]
