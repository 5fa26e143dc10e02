"""A type whose values are stored in the same way."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("loses_columns", "0004_rename")]
    operations = [
        migrations.AlterField("vessel", "remarks", models.CharField(null=True)),
    ]
