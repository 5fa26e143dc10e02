"""Values that the way back changes."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("loses_rows", "0002_seed")]
    operations = [
        migrations.RunSQL(
            migrations.RunSQL.noop,
            "UPDATE loses_rows_flag SET meaning = '' WHERE meaning <> ''",
        ),
    ]
