"""Words of a message in less time, and a shorter list of those that wait to be indexed."""

from django.contrib.postgres.indexes import GinIndex
from django.db import migrations, models

from chat.schema.files import RunSQLFile


class Migration(migrations.Migration):
    """Replace the functions that make words of a text and of a query, and limit the pending list.

    Locks the index of the words under ACCESS EXCLUSIVE for a moment, so whoever reads or writes
    messages waits for that long; no row is read or written. The words of a text are the same, and a
    query finds more. The first send afterwards merges what the list has above its limit, for up to
    half a second. Safe with the code before and after. Undone by the functions and the limit as
    they were.
    """

    dependencies = [("chat", "0015_prepare_for_clusters")]

    operations = [
        RunSQLFile(
            __file__,
            state_operations=[
                migrations.RemoveIndex(model_name="message", name="messages_search_ix"),
                migrations.AddIndex(
                    model_name="message",
                    index=GinIndex(
                        condition=models.Q(("deleted_at__isnull", True)),
                        fields=["space_id", "search"],
                        gin_pending_list_limit=1024,
                        name="messages_search_ix",
                    ),
                ),
            ],
        ),
    ]
