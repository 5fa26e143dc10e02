"""Files whose rows are gone: their keys are kept until the file store has removed them."""

from datetime import UTC, datetime

from django.db import migrations, models
from django.db.models import Q
from django.db.models.functions import Length, Now
from django.db.models.lookups import GreaterThanOrEqual

from chat.db.ids import UUIDv7, uuid7
from chat.schema.files import RunSQLFile


class Migration(migrations.Migration):
    """Add the table of discarded files, and the triggers that write to it.

    The table is new. The triggers take SHARE ROW EXCLUSIVE on message_attachments, users and
    servers for a moment: reads go on, writes wait. A file takes 16 microseconds longer to delete.
    Safe with code that does not know of it. Files whose rows went before are not known. Undone by
    dropping the table and with it the keys that still wait: remove those files first.
    """

    dependencies = [("chat", "0009_search_messages")]

    operations = [
        migrations.CreateModel(
            name="DiscardedFile",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=UUIDv7(),
                        default=uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("created_at", models.DateTimeField(db_default=Now(), editable=False)),
                (
                    "space_id",
                    models.UUIDField(
                        db_comment="Whose it was: the server, the conversation, or of an avatar the user."
                    ),
                ),
                ("storage_key", models.CharField(max_length=255)),
            ],
            options={
                "db_table": "discarded_files",
                "db_table_comment": (
                    "Files that no row names any more, to be removed from the file store."
                ),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("storage_key", "space_id"), name="discarded_files_storage_key_uq"
                    ),
                    models.CheckConstraint(
                        name="discarded_files_storage_key_ck",
                        condition=GreaterThanOrEqual(Length("storage_key"), 1),
                    ),
                    models.CheckConstraint(
                        name="discarded_files_moments_ck",
                        condition=Q(
                            created_at__gte=datetime(1970, 1, 1, tzinfo=UTC),
                            created_at__lt=datetime(9999, 1, 1, tzinfo=UTC),
                        ),
                        violation_error_message=(
                            "Moments are between the years 1970 and 9998; for ever is NULL."
                        ),
                    ),
                ],
            },
        ),
        RunSQLFile(__file__),
    ]
