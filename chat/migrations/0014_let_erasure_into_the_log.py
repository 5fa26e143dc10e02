"""The audit log and the erasure of an account."""

from django.db import migrations, models

from chat.schema.files import RunSQLFile


class Migration(migrations.Migration):
    """Let an erasure empty the reasons in the audit log, and find a user's entries there.

    Builds two small indexes under SHARE, then replaces the trigger under SHARE ROW EXCLUSIVE:
    writers of the log wait, seconds per million entries, and readers do not. Safe with code that
    does not know of it. Undone by putting the old trigger back and dropping the indexes, for which
    readers wait a moment too; reasons that were emptied stay empty.
    """

    dependencies = [("chat", "0013_index_reads")]

    operations = [
        migrations.AddIndex(
            model_name="auditlogentry",
            index=models.Index(
                models.F("server"),
                models.F("target_id"),
                models.F("created_at").desc(),
                name="audit_log_timeout_ix",
                condition=models.Q(("action", "member.timeout")),
            ),
        ),
        migrations.AddIndex(
            model_name="auditlogentry",
            index=models.Index(
                models.F("actor"),
                name="audit_log_actor_ix",
                condition=models.Q(("reason", ""), _negated=True),
            ),
        ),
        RunSQLFile(__file__),
    ]
