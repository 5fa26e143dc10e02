"""Search in messages."""

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector, SearchVectorField
from django.db import migrations, models

from chat.schema.files import RunSQLFile


class Migration(migrations.Migration):
    """Store the words of each message, and index them by tenant.

    Rewrites the table of messages under ACCESS EXCLUSIVE and builds the indexes under SHARE: on a
    table with messages in it, count on about a minute per million. Safe with code that names its
    columns. Undone by dropping indexes, columns and, if it was made here, the extension; the words
    come from the content.
    """

    dependencies = [("chat", "0008_create_channel_access")]

    operations = [
        RunSQLFile(__file__),
        migrations.AddField(
            model_name="message",
            name="search",
            field=models.GeneratedField(
                db_comment="The words of the content.",
                db_persist=True,
                expression=SearchVector("content", config="simple"),
                output_field=SearchVectorField(),
            ),
        ),
        migrations.AddIndex(
            model_name="message",
            index=GinIndex(
                condition=models.Q(("deleted_at__isnull", True)),
                fields=["space_id", "search"],
                gin_pending_list_limit=4096,
                name="messages_search_ix",
            ),
        ),
    ]
