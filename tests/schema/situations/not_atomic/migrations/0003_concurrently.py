"""An index that is built while others write."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("not_atomic", "0002_add_columns")]
    operations = [
        AddIndexConcurrently("ship", models.Index(fields=["name"], name="not_atomic_ship_name_ix")),
    ]
