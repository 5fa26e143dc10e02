"""A default that differs from row to row."""

from django.db import migrations

from chat.schema.files import RunSQLFile


class Migration(migrations.Migration):
    dependencies = [("measured", "0001_initial")]
    operations = [RunSQLFile(__file__)]
