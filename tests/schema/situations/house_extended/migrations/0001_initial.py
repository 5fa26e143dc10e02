"""Stands on the first step of two_steps."""

from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    dependencies = [("two_steps", "0001_initial")]
    operations = [
        migrations.CreateModel(
            "Wing",
            fields=[
                ("id", models.BigAutoField(primary_key=True)),
                ("message", models.ForeignKey("two_steps.Message", models.CASCADE)),
            ],
        ),
    ]
