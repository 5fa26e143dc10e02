"""What a cluster refuses of the schema, said in another way."""

from django.db import migrations

from chat.db.constraints import CompositeForeignKey, OnDelete
from chat.schema.files import RunSQLFile


class Migration(migrations.Migration):
    """Turn round the key of participants, and write three functions anew that do the same as before.

    Both columns of the key are space_id, and a cluster takes the last of them for the one that pairs
    the spaces; so those that they point at change places. Locks participants and channels, as ACCESS
    EXCLUSIVE, while all participants are compared: count on a second for a million. Undone by what
    was there before. Safe with the code before and after.
    """

    dependencies = [("chat", "0014_keep_old_messages_read")]

    operations = [
        migrations.RemoveConstraint(model_name="participant", name="participants_channel_fk"),
        migrations.AddConstraint(
            model_name="participant",
            constraint=CompositeForeignKey(
                name="participants_channel_fk",
                fields=("channel", "channel"),
                to="chat.Channel",
                to_fields=("id", "space_id"),
                on_delete=OnDelete.CASCADE,
            ),
        ),
        RunSQLFile(__file__),
    ]
