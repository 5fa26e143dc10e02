"""A table and a column of which PostgreSQL keeps 63 bytes, though they have fewer characters."""

from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    initial = True
    operations = [
        migrations.CreateModel(
            "Number",
            fields=[
                ("id", models.BigAutoField(primary_key=True)),
                ("value", models.TextField(db_column="数" * 22)),
            ],
            options={"db_table": "数" * 22},
        ),
    ]
