"""The rule for the rows that were there."""

from django.db import migrations

from chat.schema.files import RunSQLFile


class Migration(migrations.Migration):
    dependencies = [("measured", "0005_check_not_valid")]
    operations = [RunSQLFile(__file__)]
