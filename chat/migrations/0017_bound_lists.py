"""Indexes for lists that grow with use, so that a page of them does not."""

from django.db import migrations, models

from chat.schema.files import RunSQLFile


class Migration(migrations.Migration):
    """Add the index of threads by their channel, and put all that the inbox reads into its index.

    Both are built CONCURRENTLY, a few seconds for each million rows: they lock out neither reads
    nor writes, and wait for the transactions that are open. A mention of a user takes 40 bytes
    more. Cut off, it is run again from its beginning. Safe with code that does not know of it.
    Undone by making the earlier index of the inbox in the same way.
    """

    atomic = False

    dependencies = [("chat", "0016_speed_up_search")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[RunSQLFile(__file__)],
            state_operations=[
                migrations.AddIndex(
                    model_name="channel",
                    index=models.Index(
                        fields=["space_id", "parent", "-archived_at", "-id"],
                        name="channels_parent_ix",
                        condition=models.Q(parent__isnull=False),
                    ),
                ),
                migrations.RemoveIndex(model_name="mention", name="mentions_inbox_ix"),
                migrations.AddIndex(
                    model_name="mention",
                    index=models.Index(
                        models.F("user"),
                        models.F("created_at").desc(),
                        models.F("id").desc(),
                        name="mentions_latest_ix",
                        include=["space_id", "channel", "seq"],
                        condition=models.Q(user__isnull=False),
                    ),
                ),
            ],
        ),
    ]
