"""A way up that fails."""

from django.db import migrations

from chat.schema.files import RunSQLFile


class Migration(migrations.Migration):
    dependencies = [("failing_up", "0001_initial")]
    operations = [RunSQLFile(__file__)]
