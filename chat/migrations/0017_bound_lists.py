"""Indexes for lists that grow with use, so that a page of them does not."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Add the index of threads by their channel, and put all that the inbox reads into its index.

    Takes SHARE on channels and mentions while it reads them, a second for each million: reads and
    messages that mention nobody go on, whoever else writes these waits. A mention of a user takes
    40 bytes more. Safe with code that does not know of it. Undone by making the earlier index of
    the inbox in the same way.
    """

    dependencies = [("chat", "0016_speed_up_search")]

    operations = [
        migrations.AddIndex(
            model_name="channel",
            index=models.Index(
                fields=["space_id", "parent", "-archived_at", "-id"],
                name="channels_parent_ix",
                condition=models.Q(parent__isnull=False),
            ),
        ),
        # With all that is read of them in it, a page of the inbox is 500 entries in their order;
        # else the planner reads and sorts all mentions there are.
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
        migrations.RemoveIndex(model_name="mention", name="mentions_inbox_ix"),
    ]
