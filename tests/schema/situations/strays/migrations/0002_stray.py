"""Nothing, and a way back that strays."""

from typing import Any

from django.db import migrations

from tests.schema.situations import strays


def stray(apps: Any, schema_editor: Any) -> None:
    strays.stray(apps)


class Migration(migrations.Migration):
    dependencies = [("strays", "0001_initial")]
    operations = [migrations.RunPython(migrations.RunPython.noop, stray)]
