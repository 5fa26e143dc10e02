"""The way down forgets the index, and turns a default."""

from django.db import migrations

from chat.schema.files import RunSQLFile


class Migration(migrations.Migration):
    dependencies = [("wrong_down", "0001_initial")]
    operations = [RunSQLFile(__file__)]
