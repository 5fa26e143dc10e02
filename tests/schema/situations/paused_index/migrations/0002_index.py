"""The index, in SQL that would do nothing at all were an INVALID one left."""

from django.db import migrations


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("paused_index", "0001_initial")]
    operations = [
        migrations.RunSQL(
            "CREATE INDEX CONCURRENTLY IF NOT EXISTS paused_pages_title_ix ON paused_pages (title)",
            "DROP INDEX CONCURRENTLY paused_pages_title_ix",
        ),
    ]
