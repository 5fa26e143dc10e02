"""The permission to look at the schema in the admin."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """The permission to look at the schema in the admin, to be given beside being a superuser.

    No statement: the model has no table, and Django makes its permission after migrating. Locks
    nothing, is safe with the previous code, and is undone by forgetting it; the permission's row
    stays behind, as Django's do.
    """

    dependencies = [("chat", "0015_create_slow_mode_wait")]

    operations = [
        migrations.CreateModel(
            name="Schema",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
            ],
            options={
                "permissions": [
                    ("view_schema", "Can look at the schema, its ledger and its sizes")
                ],
                "managed": False,
                "default_permissions": (),
            },
        ),
    ]
