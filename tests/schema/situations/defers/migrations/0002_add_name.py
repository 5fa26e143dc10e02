"""A column, which the way back drops right after the next migration has touched the rows."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("defers", "0001_initial")]
    operations = [migrations.AddField("ship", "name", models.TextField(null=True))]
