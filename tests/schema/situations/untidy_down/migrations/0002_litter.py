"""A way back that leaves something of every kind behind."""

from typing import Any

from django.db import migrations, transaction


def litter(apps: Any, schema_editor: Any) -> None:
    from django.contrib.contenttypes.models import ContentType

    alias = schema_editor.connection.alias
    ship = apps.get_model("untidy_down", "Ship")
    ship.objects.using(alias).create(id=99, name="Flying Dutchman")
    ContentType.objects.db_manager(alias).create(id=99, app_label="untidy_down", model="ghost")
    ContentType.objects.db_manager(alias).get_by_natural_key("untidy_down", "ghost")
    transaction.on_commit(lambda: 1 / 0, using=alias)


class Migration(migrations.Migration):
    dependencies = [("untidy_down", "0001_initial")]
    operations = [
        migrations.RunSQL(
            migrations.RunSQL.noop,
            "CREATE TEMPORARY TABLE flotsam (id int); "
            "CREATE TABLE jetsam (id int); "
            "CREATE SEQUENCE jetsam_seq; "
            "SET lock_timeout = '7s'; "
            "SET search_path = public, pg_temp; "
            "SELECT pg_advisory_lock(-7); "
            "SELECT pg_advisory_lock_shared(7); "
            "SELECT pg_advisory_lock(-1, 2); "
            "SELECT pg_advisory_lock_shared(1, -2); "
            "NOTIFY untidy_down; "
            "UPDATE untidy_down_ship SET name = 'renamed'",
        ),
        migrations.RunPython(migrations.RunPython.noop, litter),
    ]
