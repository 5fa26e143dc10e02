"""A script with a transaction of its own."""

from django.db import migrations

from chat.schema.files import RunSQLFile


class Migration(migrations.Migration):
    dependencies = [("measured", "0010_index_not_concurrently")]
    atomic = False
    operations = [RunSQLFile(__file__)]
