"""Other names for a table and a column."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("loses_columns", "0003_widen")]
    operations = [
        migrations.RenameModel("Ship", "Vessel"),
        migrations.RenameField("vessel", "notes", "remarks"),
    ]
