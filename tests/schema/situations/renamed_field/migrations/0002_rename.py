"""Another name."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("renamed_field", "0001_initial")]
    operations = [migrations.RenameField("Label", "text", "title")]
