"""A way back that locks the table, lifts every bound that it can lift, and does not end."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("holds_locks", "0001_initial")]
    operations = [
        migrations.RunSQL(
            migrations.RunSQL.noop,
            "LOCK TABLE holds_locks_ship IN ACCESS EXCLUSIVE MODE; "
            "SET LOCAL statement_timeout = 0; "
            "SET LOCAL lock_timeout = 0; "
            "SELECT pg_sleep(3600)",
        ),
    ]
