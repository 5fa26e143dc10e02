"""Both steps in one transaction, which holds the lock of the first in the second."""

from django.db import migrations

from chat.schema.files import RunSQLFile


class Migration(migrations.Migration):
    dependencies = [("measured", "0006_validate_check")]
    operations = [RunSQLFile(__file__)]
