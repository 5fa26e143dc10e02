"""Ships and their ports; Django's foreign keys are deferred."""

from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    operations = [
        migrations.CreateModel(
            "Port",
            fields=[
                ("id", models.BigAutoField(primary_key=True)),
                ("name", models.TextField()),
            ],
        ),
        migrations.CreateModel(
            "Ship",
            fields=[
                ("id", models.BigAutoField(primary_key=True)),
                ("port", models.ForeignKey("defers.Port", models.CASCADE, null=True)),
            ],
        ),
    ]
