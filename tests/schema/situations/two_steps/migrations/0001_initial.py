"""A model."""

from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    operations = [
        migrations.CreateModel(
            "Message",
            fields=[
                ("id", models.BigAutoField(primary_key=True)),
                ("content", models.TextField(default="")),
            ],
            options={"db_table": "two_steps_messages"},
        ),
    ]
