"""A ship."""

from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    operations = [
        migrations.CreateModel("Ship", fields=[("id", models.BigAutoField(primary_key=True))]),
    ]
