"""The key of participants, so that it can be spread over machines."""

from django.db import migrations

from chat.db.constraints import CompositeForeignKey, OnDelete


class Migration(migrations.Migration):
    """Name the columns of the key from participants to channels in the other order.

    It says the same: both of its columns are space_id, and those that they point at change places.
    A cluster takes the last of them for the one that pairs the spaces. Locks participants and
    channels, as ACCESS EXCLUSIVE, while all participants are compared: count on a second for a
    million. Undone by the order before. Safe with the code before and after.
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
    ]
