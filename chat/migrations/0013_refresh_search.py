"""The words of the messages that are there already."""

from django.db import migrations

# Rows that are looked at in one statement, which commits by itself.
_BATCH = 1000

_REFRESH = """
WITH batch AS (
    SELECT space_id, id
    FROM public.messages
    WHERE id > %(after)s
    ORDER BY id
    LIMIT %(batch)s
),
refreshed AS (
    UPDATE public.messages AS message
    SET search = NULL
    FROM batch
    WHERE
        message.space_id = batch.space_id
        AND message.id = batch.id
        AND message.search IS DISTINCT FROM public.search_vector(message.content)
)
SELECT id FROM batch ORDER BY id DESC LIMIT 1
"""


def refresh(apps, schema_editor):
    """Make the words of every message anew, batch by batch in the order of their ids."""
    after = "00000000-0000-0000-0000-000000000000"
    with schema_editor.connection.cursor() as cursor:
        while after is not None:
            cursor.execute(_REFRESH, {"after": after, "batch": _BATCH})
            after = (cursor.fetchone() or [None])[0]
        # What 0012 says about the column of spaces counts from here on.
        cursor.execute("ANALYZE public.messages")


class Migration(migrations.Migration):
    """Make the words of stored messages anew, where search_vector() makes other words of them.

    Locks the rows of 1,000 messages at a time, for 0.1 to 0.3 seconds on two busy cores, and no
    table: whoever edits one of them waits for that long, and nobody else. Count on four minutes per
    million; every row that changes leaves a dead one, which VACUUM takes away. Neither updated_at
    nor the version of a message is touched. ANALYZE then reads a sample of the table, while others
    write. Cut off, it is run again from its beginning, and passes what it has done without a write.
    Safe with the code before and after. Undone by nothing: 0012 makes the earlier words itself.
    """

    atomic = False

    dependencies = [("chat", "0012_search_every_script")]

    operations = [migrations.RunPython(refresh, migrations.RunPython.noop)]
