"""A table."""

from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    operations = [
        migrations.CreateModel(
            "Page",
            fields=[
                ("id", models.BigAutoField(primary_key=True)),
                ("title", models.TextField(default="")),
            ],
            options={"db_table": "paused_pages"},
        ),
    ]
