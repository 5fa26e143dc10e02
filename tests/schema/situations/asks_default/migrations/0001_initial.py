"""Asks Django for the database without naming it, and for its rows."""

from typing import Any

from django.db import connection, migrations


def make(apps: Any, schema_editor: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE made_by_default (id integer)")


def drop(apps: Any, schema_editor: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE made_by_default")


class Migration(migrations.Migration):
    initial = True
    operations = [migrations.RunPython(make, drop)]
