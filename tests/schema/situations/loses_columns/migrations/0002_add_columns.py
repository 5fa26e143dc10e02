"""A column that may be NULL, one that may not, and one that is generated."""

from django.db import migrations, models
from django.db.models.functions import Upper


class Migration(migrations.Migration):
    dependencies = [("loses_columns", "0001_initial")]
    operations = [
        migrations.AddField("ship", "notes", models.TextField(null=True)),
        migrations.AddField("ship", "tons", models.IntegerField(default=0)),
        migrations.AddField(
            "ship",
            "loud",
            models.GeneratedField(
                expression=Upper("name"), output_field=models.TextField(), db_persist=True
            ),
        ),
    ]
