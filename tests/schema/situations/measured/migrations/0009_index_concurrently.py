"""An index that nobody waits for."""

from django.db import migrations

from chat.schema.files import RunSQLFile


class Migration(migrations.Migration):
    dependencies = [("measured", "0008_index")]
    atomic = False
    operations = [RunSQLFile(__file__)]
