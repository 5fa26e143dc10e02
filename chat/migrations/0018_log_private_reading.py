"""Private messages: who may read them in the admin, and a log of who did."""

from datetime import UTC, datetime

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import F, Func, Q, TextField
from django.db.models.functions import Length, Now
from django.db.models.lookups import Exact, GreaterThanOrEqual

from chat.constraints import CompositeForeignKey
from chat.ids import UUIDv7, uuid7
from chat.schema.files import RunSQLFile


class Migration(migrations.Migration):
    """Add the permissions to read direct and deleted messages, and the log of looks.

    The permissions are Django's alone; their rows are made after migrating. The table is new, and
    its key to users takes SHARE ROW EXCLUSIVE there for a moment: reads go on, writes wait. Safe
    with code that does not know of it. Undone by dropping the table, and with it what it holds.
    """

    dependencies = [("chat", "0017_keep_erased_users_out")]

    operations = [
        migrations.AlterModelOptions(
            name="message",
            options={
                "permissions": [("read_deleted_messages", "Can read what deleted messages said")]
            },
        ),
        migrations.AlterModelOptions(
            name="directmessage",
            options={
                "permissions": [
                    ("read_direct_messages", "Can read direct messages; each look is logged")
                ]
            },
        ),
        migrations.CreateModel(
            name="AdminAccess",
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
                ("action", models.CharField(max_length=64)),
                (
                    "target_type",
                    models.CharField(blank=True, db_default="", default="", max_length=32),
                ),
                ("target_id", models.UUIDField(blank=True, null=True)),
                ("details", models.JSONField(blank=True, db_default={}, default=dict)),
                (
                    "actor",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "look at private messages",
                "verbose_name_plural": "looks at private messages",
                "db_table": "admin_access_log",
                "db_table_comment": "Looks of staff at what is private. Append-only (trigger).",
                "indexes": [
                    models.Index(
                        F("actor"),
                        F("created_at").desc(),
                        F("id").desc(),
                        name="admin_access_log_actor_ix",
                    ),
                    models.Index(
                        F("target_id"),
                        F("created_at").desc(),
                        F("id").desc(),
                        name="admin_access_log_target_ix",
                        condition=Q(target_id__isnull=False),
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        name="admin_access_log_action_ck",
                        condition=GreaterThanOrEqual(Length("action"), 1),
                    ),
                    models.CheckConstraint(
                        name="admin_access_log_details_ck",
                        condition=Exact(
                            Func("details", function="jsonb_typeof", output_field=TextField()),
                            "object",
                        ),
                    ),
                    models.CheckConstraint(
                        name="admin_access_log_moments_ck",
                        condition=Q(
                            created_at__gte=datetime(1970, 1, 1, tzinfo=UTC),
                            created_at__lt=datetime(9999, 1, 1, tzinfo=UTC),
                        ),
                        violation_error_message=(
                            "Moments are between the years 1970 and 9998; for ever is NULL."
                        ),
                    ),
                    CompositeForeignKey(
                        name="admin_access_log_actor_fk",
                        fields=["actor"],
                        to="chat.User",
                        to_fields=["id"],
                    ),
                ],
            },
        ),
        RunSQLFile(__file__),
    ]
