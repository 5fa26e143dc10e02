"""A way back whose Python code computes between two statements until its session is ended."""

from typing import Any

import psycopg
from django.db import migrations


def stall(apps: Any, schema_editor: Any) -> None:
    connection = schema_editor.connection
    pid = connection.connection.info.backend_pid
    with psycopg.connect(**connection.get_connection_params(), autocommit=True) as other:
        while other.execute("SELECT 1 FROM pg_stat_activity WHERE pid = %s", [pid]).fetchone():
            other.execute("SELECT pg_sleep(0.05)")
    schema_editor.execute("SELECT 1")


class Migration(migrations.Migration):
    dependencies = [("stalls_down", "0001_initial")]
    operations = [migrations.RunPython(migrations.RunPython.noop, stall)]
