"""A function and a trigger."""

from django.db import migrations

from chat.schema.files import RunSQLFile


class Migration(migrations.Migration):
    dependencies = [("two_steps", "0001_initial")]
    operations = [RunSQLFile(__file__)]
