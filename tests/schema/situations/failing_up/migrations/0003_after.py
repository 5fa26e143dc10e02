"""Not reached."""

from django.db import migrations

from chat.schema.files import RunSQLFile


class Migration(migrations.Migration):
    dependencies = [("failing_up", "0002_broken")]
    operations = [RunSQLFile(__file__)]
