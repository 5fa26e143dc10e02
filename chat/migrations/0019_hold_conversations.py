"""A conversation can be held, and what is held goes by no way."""

from datetime import UTC, datetime

from django.db import migrations, models
from django.db.models.functions import Greatest, Least
from django.db.models.lookups import GreaterThanOrEqual, LessThan

from chat.schema.files import RunSQLFile

COLUMNS = ("created_at", "updated_at", "archived_at", "deleted_at", "legal_hold_at")


class Migration(migrations.Migration):
    """Add legal_hold_at to channels, for conversations, and refuse what takes away what is held.

    Locks channels as ACCESS EXCLUSIVE while its rows are compared with two CHECKs, a second for each
    million, and takes SHARE ROW EXCLUSIVE on the tables that get a trigger, for a moment. Safe with
    the code before and after. Undone by dropping it all, and with it which conversations are held.
    """

    dependencies = [("chat", "0018_bound_each_purge")]

    operations = [
        migrations.AddField(
            model_name="channel",
            name="legal_hold_at",
            field=models.DateTimeField(
                blank=True,
                db_comment="Of a conversation, since when nothing of it may be purged (trigger). "
                "NULL: no hold.",
                null=True,
            ),
        ),
        migrations.AddConstraint(
            model_name="channel",
            constraint=models.CheckConstraint(
                condition=models.Q(legal_hold_at__isnull=True) | models.Q(server__isnull=True),
                name="channels_legal_hold_ck",
                violation_error_message="A channel is held with its server.",
            ),
        ),
        migrations.RemoveConstraint(model_name="channel", name="channels_moments_ck"),
        migrations.AddConstraint(
            model_name="channel",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    GreaterThanOrEqual(Least(*COLUMNS), datetime(1970, 1, 1, tzinfo=UTC)),
                    LessThan(Greatest(*COLUMNS), datetime(9999, 1, 1, tzinfo=UTC)),
                ),
                name="channels_moments_ck",
                violation_error_message=(
                    "Moments are between the years 1970 and 9998; for ever is NULL."
                ),
            ),
        ),
        RunSQLFile(__file__),
    ]
