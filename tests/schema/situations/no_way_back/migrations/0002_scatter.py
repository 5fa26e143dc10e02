"""Code that nobody wrote a reverse for."""

from typing import Any

from django.db import migrations


def scatter(_apps: Any, _editor: Any) -> None:
    pass


class Migration(migrations.Migration):
    dependencies = [("no_way_back", "0001_initial")]
    operations = [migrations.RunPython(scatter)]
