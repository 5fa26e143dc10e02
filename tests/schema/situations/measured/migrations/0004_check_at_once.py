"""A rule that every row is tried against at once."""

from django.db import migrations

from chat.schema.files import RunSQLFile


class Migration(migrations.Migration):
    dependencies = [("measured", "0003_constant_default")]
    operations = [RunSQLFile(__file__)]
