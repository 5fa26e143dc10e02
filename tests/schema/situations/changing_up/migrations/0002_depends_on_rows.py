"""The second time it finds the row of the first."""

from django.db import migrations

from chat.schema.files import RunSQLFile


class Migration(migrations.Migration):
    dependencies = [("changing_up", "0001_initial")]
    operations = [RunSQLFile(__file__)]
