from django.db import migrations


class Migration(migrations.Migration):
    initial = True
    operations = [
        migrations.RunSQL(
            "CREATE TABLE shells (id integer PRIMARY KEY, kind text CHECK (kind <> ''))",
            "DROP TABLE shells",
        )
    ]
