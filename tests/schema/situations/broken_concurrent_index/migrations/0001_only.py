"""A table, and its index without a lock."""

from django.db import migrations

from chat.schema.files import RunSQLFile


class Migration(migrations.Migration):
    initial = True
    atomic = False
    operations = [RunSQLFile(__file__)]
