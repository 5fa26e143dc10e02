"""A wider type, which the way back narrows."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("loses_columns", "0002_add_columns")]
    operations = [
        migrations.AlterField("ship", "tons", models.BigIntegerField(default=0)),
    ]
