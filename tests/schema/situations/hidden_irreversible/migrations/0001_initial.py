"""A part that cannot be undone, where Django does not look."""

from django.db import migrations


class Migration(migrations.Migration):
    initial = True
    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL("CREATE TABLE things (id integer)")]
        )
    ]
