"""Right, and in need of what came before."""

from django.db import migrations

from chat.schema.files import RunSQLFile


class Migration(migrations.Migration):
    dependencies = [("wrong_down", "0002_forgetful")]
    operations = [RunSQLFile(__file__)]
