"""An index."""

from django.db import migrations

from chat.schema.files import RunSQLFile


class Migration(migrations.Migration):
    dependencies = [("measured", "0007_both_in_one")]
    operations = [RunSQLFile(__file__)]
