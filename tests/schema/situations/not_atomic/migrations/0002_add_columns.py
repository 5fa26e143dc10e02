"""Columns, a type, and a table that only SQL knows of."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("not_atomic", "0001_initial")]
    operations = [
        migrations.AddField("ship", "notes", models.TextField(null=True)),
        migrations.AlterField("ship", "name", models.CharField(max_length=50)),
        migrations.RunSQL("CREATE TABLE beside (id int)", "DROP TABLE beside"),
        migrations.RunPython(migrations.RunPython.noop, migrations.RunPython.noop),
    ]
