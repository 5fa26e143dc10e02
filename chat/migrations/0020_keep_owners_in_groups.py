"""The owner of a group is one of those who take or took part in it."""

from django.db import migrations, models

from chat.db.constraints import CompositeForeignKey
from chat.schema.files import RunSQLFile


class Migration(migrations.Migration):
    """Add the key from a group's owner to participants; another's group gets the owner it would have.

    Takes SHARE ROW EXCLUSIVE on channels and participants while all channels are read, a second for
    each million: reads go on, writes wait. Safe with the code before and after: the key is compared
    at COMMIT. Undone by dropping it; owners that were corrected stay it.
    """

    dependencies = [("chat", "0019_hold_conversations")]

    operations = [
        RunSQLFile(__file__),
        migrations.AddConstraint(
            model_name="channel",
            constraint=CompositeForeignKey(
                name="channels_owner_participant_fk",
                fields=("space_id", "owner"),
                to="chat.Participant",
                to_fields=("channel", "user"),
                deferrable=models.Deferrable.DEFERRED,
                violation_error_message="The owner takes or took part in the group.",
            ),
        ),
    ]
