"""The index."""

from django.db import migrations


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("paused_index", "0001_initial")]
    operations = [migrations.RunSQL("CREATE UNIQUE INDEX CONCURRENTLY ON paused_pages (title)")]
