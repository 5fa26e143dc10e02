"""Both steps in one; their own files are deleted."""

from django.db import migrations


class Migration(migrations.Migration):
    initial = True
    replaces = [("squashed_and_deleted", "0001_one"), ("squashed_and_deleted", "0002_two")]
    operations = [migrations.RunSQL("SELECT 3;", "SELECT -3;")]
