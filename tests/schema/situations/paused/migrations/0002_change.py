"""DDL, data, DDL: with a stop between each two, forwards and backwards."""

from typing import Any

from django.db import migrations, models

from tests.schema.situations.waiting import wait_for_the_test


def change_half(apps: Any, schema_editor: Any) -> None:
    notes = apps.get_model("paused", "Note").objects.using(schema_editor.connection.alias)
    notes.filter(id__lte=5).update(text="after")
    wait_for_the_test("data")
    notes.filter(id__gt=5).update(text="after")


def change_back(apps: Any, schema_editor: Any) -> None:
    notes = apps.get_model("paused", "Note").objects.using(schema_editor.connection.alias)
    notes.update(text="before")
    wait_for_the_test("rollback")


def stop_in_the_ddl(apps: Any, schema_editor: Any) -> None:
    wait_for_the_test("ddl")


def stop_at_the_end(apps: Any, schema_editor: Any) -> None:
    wait_for_the_test("end")


class Migration(migrations.Migration):
    dependencies = [("paused", "0001_initial")]
    operations = [
        migrations.AddField("Note", "author", models.TextField(default="")),
        migrations.RunPython(stop_in_the_ddl, migrations.RunPython.noop),
        migrations.RunPython(change_half, change_back),
        migrations.RunPython(stop_at_the_end, migrations.RunPython.noop),
    ]
