"""A table that the way back puts a copy in the place of."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("loses_rows", "0004_fill")]
    operations = [
        migrations.RunSQL(
            migrations.RunSQL.noop,
            "CREATE TABLE swapped (LIKE loses_rows_flag INCLUDING ALL); "
            "DROP TABLE loses_rows_flag; "
            "ALTER TABLE swapped RENAME TO loses_rows_flag",
        ),
    ]
