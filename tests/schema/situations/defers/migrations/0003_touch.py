"""Nothing, and back again a new port for every ship, which is checked at the end."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("defers", "0002_add_name")]
    operations = [
        migrations.RunSQL(
            migrations.RunSQL.noop,
            "UPDATE defers_ship SET port_id = 2; INSERT INTO defers_port VALUES (2, 'Far')",
        ),
    ]
