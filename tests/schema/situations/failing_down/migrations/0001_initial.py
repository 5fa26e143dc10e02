"""A way down that fails."""

from django.db import migrations

from chat.schema.files import RunSQLFile


class Migration(migrations.Migration):
    initial = True
    operations = [RunSQLFile(__file__)]
