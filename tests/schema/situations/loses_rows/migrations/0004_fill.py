"""Rows that the way back truncates."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("loses_rows", "0003_reword")]
    operations = [
        migrations.RunSQL(
            migrations.RunSQL.noop,
            "TRUNCATE loses_rows_flag",
        ),
    ]
