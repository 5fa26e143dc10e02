"""A table with rows."""

from typing import Any

from django.db import migrations, models


def fill(apps: Any, schema_editor: Any) -> None:
    note = apps.get_model("paused", "Note")
    notes = [note(text="before") for _ in range(10)]
    note.objects.using(schema_editor.connection.alias).bulk_create(notes)


class Migration(migrations.Migration):
    initial = True
    operations = [
        migrations.CreateModel(
            "Note",
            fields=[
                ("id", models.BigAutoField(primary_key=True)),
                ("text", models.TextField(default="")),
            ],
            options={"db_table": "paused_notes"},
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
