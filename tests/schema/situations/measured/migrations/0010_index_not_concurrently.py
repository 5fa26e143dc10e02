"""An index without a transaction, but with its lock."""

from django.db import migrations

from chat.schema.files import RunSQLFile


class Migration(migrations.Migration):
    dependencies = [("measured", "0009_index_concurrently")]
    atomic = False
    operations = [RunSQLFile(__file__)]
