"""Words of any script, the same on every server."""

from django.contrib.postgres.search import SearchVectorField
from django.db import migrations

from chat.schema.files import RunSQLFile


class Migration(migrations.Migration):
    """Make the words of messages by functions of our own, and write them by a trigger.

    Locks the table of messages under ACCESS EXCLUSIVE for a moment; no row is read or written, so
    until 0013 stored messages have the words that the server's parser made of them. Safe with code
    that looks for words by websearch_to_tsquery: it finds plain words as before. Undone by
    generating the words from the content again, under ACCESS EXCLUSIVE, which writes every row anew
    and builds the index: count on about a minute per million messages.
    """

    dependencies = [("chat", "0011_name_conversations")]

    operations = [
        RunSQLFile(
            __file__,
            state_operations=[
                migrations.AlterField(
                    model_name="message",
                    name="search",
                    field=SearchVectorField(
                        db_comment="The words of the content, made by search_vector().",
                        db_default="",
                        editable=False,
                        null=True,
                    ),
                ),
            ],
        ),
    ]
