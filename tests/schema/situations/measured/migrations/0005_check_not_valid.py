"""A rule for new rows."""

from django.db import migrations

from chat.schema.files import RunSQLFile


class Migration(migrations.Migration):
    dependencies = [("measured", "0004_check_at_once")]
    operations = [RunSQLFile(__file__)]
