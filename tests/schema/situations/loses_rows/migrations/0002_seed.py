"""Rows that the way back deletes."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("loses_rows", "0001_initial")]
    operations = [
        migrations.RunSQL(
            "INSERT INTO loses_rows_flag (code, meaning) VALUES ('a', 'diver down'), ('b', '')",
            "DELETE FROM loses_rows_flag WHERE code IN ('a', 'b')",
        ),
    ]
