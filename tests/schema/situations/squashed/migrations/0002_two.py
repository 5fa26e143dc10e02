"""Step 2 of what was squashed."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("squashed", "0001_one")]
    operations = [migrations.RunSQL("SELECT 2;", "SELECT -2;")]
