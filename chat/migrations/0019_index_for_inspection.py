"""Indexes for what support asks."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Index servers by name, and among users the staff and those who are no person.

    Builds under SHARE: reads go on, and writes to users and servers wait, about half a second for a
    million rows of each. Code does not notice. Undone by dropping the indexes.
    """

    dependencies = [("chat", "0018_log_private_reading")]

    operations = [
        migrations.AddIndex(
            model_name="server",
            index=models.Index(
                fields=["name"], name="servers_name_ix", opclasses=["varchar_pattern_ops"]
            ),
        ),
        migrations.AddIndex(
            model_name="user",
            index=models.Index(
                fields=["id"], name="users_staff_ix", condition=models.Q(is_staff=True)
            ),
        ),
        migrations.AddIndex(
            model_name="user",
            index=models.Index(
                fields=["kind", "id"], name="users_kind_ix", condition=~models.Q(kind="human")
            ),
        ),
    ]
