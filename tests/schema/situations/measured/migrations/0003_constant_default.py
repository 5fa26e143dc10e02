"""A default that is the same for every row."""

from django.db import migrations

from chat.schema.files import RunSQLFile


class Migration(migrations.Migration):
    dependencies = [("measured", "0002_volatile_default")]
    operations = [RunSQLFile(__file__)]
