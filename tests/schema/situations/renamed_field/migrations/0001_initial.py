"""A table."""

from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    operations = [
        migrations.CreateModel(
            "Label",
            fields=[
                ("id", models.BigAutoField(primary_key=True)),
                ("text", models.TextField(default="")),
            ],
            options={"db_table": "renamed_labels"},
        ),
    ]
