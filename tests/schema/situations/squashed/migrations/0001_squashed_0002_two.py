"""Both steps in one."""

from django.db import migrations


class Migration(migrations.Migration):
    initial = True
    replaces = [("squashed", "0001_one"), ("squashed", "0002_two")]
    operations = [migrations.RunSQL("SELECT 3;", "SELECT -3;")]
