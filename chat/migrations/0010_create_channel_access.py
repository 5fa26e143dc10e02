"""Effective permissions, as one relation."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from chat.schema.files import RunSQLFile


class Migration(migrations.Migration):
    """Create the view channel_access, and the function that asks it for one channel.

    Locks nothing that anybody waits for. Safe with code that does not know of it. Undone by
    dropping both; nothing is stored in them.
    """

    dependencies = [("chat", "0009_fix_identities")]

    operations = [
        RunSQLFile(
            __file__,
            state_operations=[
                migrations.CreateModel(
                    name="ChannelAccess",
                    fields=[
                        (
                            "pk",
                            models.CompositePrimaryKey(
                                "user",
                                "channel",
                                blank=True,
                                editable=False,
                                primary_key=True,
                                serialize=False,
                            ),
                        ),
                        (
                            "user",
                            models.ForeignKey(
                                db_constraint=False,
                                db_index=False,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "server",
                            models.ForeignKey(
                                db_constraint=False,
                                db_index=False,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                related_name="+",
                                to="chat.server",
                            ),
                        ),
                        (
                            "channel",
                            models.ForeignKey(
                                db_constraint=False,
                                db_index=False,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                related_name="+",
                                to="chat.channel",
                            ),
                        ),
                        ("permissions", models.BigIntegerField()),
                        ("last_seq", models.BigIntegerField()),
                        ("last_message_at", models.DateTimeField(null=True)),
                    ],
                    options={
                        "verbose_name_plural": "channel access",
                        "db_table": "channel_access",
                        "managed": False,
                    },
                )
            ],
        )
    ]
