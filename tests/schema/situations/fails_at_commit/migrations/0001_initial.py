"""A row that refers to nothing."""

from django.db import migrations


class Migration(migrations.Migration):
    operations = [
        migrations.RunSQL(
            """
            CREATE TABLE fails_at_commit_nodes (
                id bigint PRIMARY KEY,
                parent_id bigint REFERENCES fails_at_commit_nodes DEFERRABLE INITIALLY DEFERRED
            );
            INSERT INTO fails_at_commit_nodes VALUES (1, 2);
            """,
            "DROP TABLE fails_at_commit_nodes",
        ),
    ]
