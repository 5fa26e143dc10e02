"""Indexes that the reads of chat.queries go along."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Index messages by time, mentions of roles and of everyone, and whose a read mark is.

    Builds under SHARE: reading goes on, writing to the three tables waits, for a second or two per
    million messages. The index of read marks that is replaced goes last, under ACCESS EXCLUSIVE for
    a moment. Safe with the previous code, which asks nothing that needs them. Undone by building
    that one again and dropping the new ones.
    """

    dependencies = [("chat", "0012_book_imported_messages")]

    operations = [
        migrations.AddIndex(
            model_name="message",
            index=models.Index(fields=["server", "created_at", "id"], name="messages_created_ix"),
        ),
        migrations.AddIndex(
            model_name="mention",
            index=models.Index(
                condition=models.Q(("user__isnull", True)),
                fields=["server", "channel", "seq", "role"],
                name="mentions_shared_ix",
            ),
        ),
        migrations.AddIndex(
            model_name="readstate",
            index=models.Index(fields=["server", "channel", "user"], name="read_states_reader_ix"),
        ),
        migrations.RemoveIndex(model_name="readstate", name="read_states_channel_ix"),
    ]
