"""Flags."""

from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    operations = [
        migrations.CreateModel(
            "Flag",
            fields=[
                ("code", models.TextField(primary_key=True)),
                ("meaning", models.TextField(default="")),
            ],
        ),
    ]
