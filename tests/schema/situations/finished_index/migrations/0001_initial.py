"""An index that is built concurrently, then a stop."""

from typing import Any

from django.db import migrations

from tests.schema.situations.waiting import wait_for_the_test


def stop(apps: Any, schema_editor: Any) -> None:
    wait_for_the_test("index")


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("paused_index", "0002_index")]
    operations = [
        migrations.RunSQL(
            "-- Not CREATE INDEX CONCURRENTLY others_ix ON paused_pages (title)\n"
            "CREATE INDEX CONCURRENTLY paused_pages_long_ix ON paused_pages (title, id)",
            "DROP INDEX CONCURRENTLY paused_pages_long_ix",
        ),
        migrations.RunPython(stop, migrations.RunPython.noop),
    ]
