"""Sets of migrations, each an app named after what is the matter with it.

Below a line `# app` stand its files: below `## migration` what is in its class, in which by default
it follows the one before and runs its SQL file, and below `## sql/file` that file.
"""

import re
from pathlib import Path
from textwrap import indent

_MODULE = """\
import os
from typing import Any

import psycopg
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import connection, migrations, models, transaction
from django.db.models.functions import Upper

from chat.schema.files import RunSQLFile
from tests.schema import steps


class Migration(migrations.Migration):
"""


def write_situations(folder: Path) -> None:
    """Write the package `situations` into the folder."""
    package = folder / "situations"
    package.mkdir()
    (package / "__init__.py").touch()
    _, *apps = re.split(r"^# (\w+).*\n", SITUATIONS, flags=re.MULTILINE)
    for app, text in zip(apps[::2], apps[1::2], strict=True):
        migrations = package / app / "migrations"
        (migrations / "sql").mkdir(parents=True)
        (package / app / "__init__.py").touch()
        (migrations / "__init__.py").touch()
        _, *files = re.split(r"^## ([\w./]+).*\n", text.rstrip("\n") + "\n", flags=re.MULTILINE)
        before: list[tuple[str, str]] = []
        for name, content in zip(files[::2], files[1::2], strict=True):
            if name.startswith("sql/"):
                (migrations / name).write_text(content)
                continue
            body = content
            if "dependencies = " not in body:
                body += f"dependencies = {before}\n"
            if "operations = " not in body:
                body += "operations = [RunSQLFile(__file__)]\n"
            (migrations / f"{name}.py").write_text(_MODULE + indent(body, "    "))
            before = [(app, name)]


SITUATIONS = r'''
# asks_default
## 0001_initial: Asks Django for the database without naming it, and for its rows.
def make(apps: Any, schema_editor: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE made_by_default (id integer)")

def drop(apps: Any, schema_editor: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE made_by_default")

operations = [migrations.RunPython(make, drop)]

# both_forms
## 0001_only: One SQL file.
## sql/0001_only.down.sql
DROP TABLE public.things;
## sql/0001_only.sql
-- UP
CREATE TABLE public.things (id integer PRIMARY KEY);

# broken_concurrent_index
## 0001_only: A table, and its index without a lock.
atomic = False
## sql/0001_only.up.sql
CREATE TABLE public.things (id integer PRIMARY KEY, name text);
INSERT INTO public.things VALUES (1, 'one'), (2, 'one');

CREATE UNIQUE INDEX CONCURRENTLY things_name_uq
    ON public.things (name);

# broken_dependency
## 0002_second: The first was not deployed.
dependencies = [("broken_dependency", "0001_first")]
operations = []

# broken_sql
## 0001_only: One SQL file.
## sql/0001_only.up.sql
-- The second statement is wrong.
CREATE TABLE things (id integer PRIMARY KEY);
CREATE TABEL others ();

# changing_up
## 0001_initial: A table.
## 0002_depends_on_rows: The second time it finds the row of the first.
## sql/0001_initial.sql
-- A table.

-- UP
CREATE TABLE public.things (id integer PRIMARY KEY);

-- DOWN
DROP TABLE public.things;
## sql/0002_depends_on_rows.sql
-- The second time it finds the row of the first.

-- UP
ALTER TABLE public.things ADD COLUMN size integer;

DO $do$
BEGIN
    IF EXISTS (SELECT FROM public.things) THEN
        ALTER TABLE public.things ALTER COLUMN size SET DEFAULT 7;
    END IF;
END
$do$;

INSERT INTO public.things (id) VALUES (1) ON CONFLICT DO NOTHING;

-- DOWN
ALTER TABLE public.things DROP COLUMN size;

# circular: Each waits for the other.
## 0001_hen
dependencies = [("circular", "0002_egg")]
operations = []
## 0002_egg
dependencies = [("circular", "0001_hen")]
operations = []

# commits
## 0001_only: One SQL file.
## sql/0001_only.up.sql
CREATE TABLE public.things (id integer PRIMARY KEY);

COMMIT;
CREATE TABLE public.others (id integer PRIMARY KEY);

# concurrent_index
## 0001_only: A table, and its index without a lock.
atomic = False
## sql/0001_only.down.sql
DROP INDEX CONCURRENTLY public.things_name_ix;
DROP TABLE public.things;
## sql/0001_only.up.sql
CREATE TABLE public.things (id integer PRIMARY KEY, name text);
-- Not possible in a transaction; hence one statement at a time.
CREATE INDEX CONCURRENTLY things_name_ix ON public.things (name);

# conflicting: Two newest migrations.
## 0001_initial
operations = []
## 0002_one
operations = []
## 0002_two
dependencies = [("conflicting", "0001_initial")]
operations = []

# defers
## 0001_initial: Ships and their ports; Django's foreign keys are deferred.
operations = [
    migrations.CreateModel(
        "Port",
        fields=[
            ("id", models.BigAutoField(primary_key=True)),
            ("name", models.TextField()),
        ],
    ),
    migrations.CreateModel(
        "Ship",
        fields=[
            ("id", models.BigAutoField(primary_key=True)),
            ("port", models.ForeignKey("defers.Port", models.CASCADE, null=True)),
        ],
    ),
]
## 0002_add_name: A column; the way back drops it after the next migration has touched the rows.
operations = [migrations.AddField("ship", "name", models.TextField(null=True))]
## 0003_touch: Nothing, and back again a new port for every ship, which is checked at the end.
operations = [
    migrations.RunSQL(
        migrations.RunSQL.noop,
        "UPDATE defers_ship SET port_id = 2; INSERT INTO defers_port VALUES (2, 'Far')",
    ),
]

# empty_down
## 0001_only: One SQL file.
## sql/0001_only.down.sql

## sql/0001_only.up.sql
-- A table.
CREATE TABLE things (id integer PRIMARY KEY);

# empty_up
## 0001_only: One SQL file.
## sql/0001_only.up.sql


# failing_down
## 0001_initial: A way down that fails.
## 0002_exact: Right, whatever came before.
## sql/0001_initial.sql
-- A way down that fails.

-- UP
CREATE TABLE public.things (id integer PRIMARY KEY);

-- DOWN
DROP TABLE public.thongs;
## sql/0002_exact.sql
-- Right, whatever came before.

-- UP
ALTER TABLE public.things ADD COLUMN size integer;

-- DOWN
ALTER TABLE public.things DROP COLUMN size;

# failing_up
## 0001_initial: A table.
## 0002_broken: A way up that fails.
## 0003_after: Not reached.
## sql/0001_initial.sql
-- A table.

-- UP
CREATE TABLE public.things (id integer PRIMARY KEY);

-- DOWN
DROP TABLE public.things;
## sql/0002_broken.sql
-- A way up that fails.

-- UP
ALTER TABLE public.thongs ADD COLUMN size integer;

-- DOWN
-- Nothing.
## sql/0003_after.sql
-- Not reached.

-- UP
ALTER TABLE public.things ADD COLUMN size integer;

-- DOWN
ALTER TABLE public.things DROP COLUMN size;

# fails_at_commit: A migration that breaks a deferred constraint, which is noticed at COMMIT alone.
## 0001_initial: A row that refers to nothing.
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

# finished_index: A migration that can be stopped when its index is there, and its record is not.
## 0001_initial: An index that is built concurrently, then a stop.
def stop(apps: Any, schema_editor: Any) -> None:
    steps.wait_for_the_test("index")

atomic = False
dependencies = [("paused_index", "0002_index")]
operations = [
    migrations.RunSQL(
        "-- Not CREATE INDEX CONCURRENTLY others_ix ON paused_pages (title)\n"
        "CREATE INDEX CONCURRENTLY paused_pages_long_ix ON paused_pages (title, id)",
        "DROP INDEX CONCURRENTLY paused_pages_long_ix",
    ),
    migrations.RunPython(stop, migrations.RunPython.noop),
]

# hidden_irreversible
## 0001_initial: A part that cannot be undone, where Django does not look.
operations = [
    migrations.SeparateDatabaseAndState(
        database_operations=[migrations.RunSQL("CREATE TABLE things (id integer)")]
    )
]

# holds_locks
## 0001_initial: A ship.
operations = [
    migrations.CreateModel(
        "Ship",
        fields=[
            ("id", models.BigAutoField(primary_key=True)),
            ("name", models.TextField()),
        ],
    ),
]
## 0002_for_ever: A way back that locks the table, lifts every bound that it can, and does not end.
operations = [
    migrations.RunSQL(
        migrations.RunSQL.noop,
        "LOCK TABLE holds_locks_ship IN ACCESS EXCLUSIVE MODE; "
        "SET LOCAL statement_timeout = 0; "
        "SET LOCAL lock_timeout = 0; "
        "SELECT pg_sleep(3600)",
    ),
]

# house
## 0001_initial: Stands on the first step of two_steps.
dependencies = [("two_steps", "0001_initial")]
operations = [
    migrations.CreateModel(
        "Room",
        fields=[
            ("id", models.BigAutoField(primary_key=True)),
            ("message", models.ForeignKey("two_steps.Message", models.CASCADE)),
        ],
    ),
]

# house_extended
## 0001_initial: Stands on the first step of two_steps.
dependencies = [("two_steps", "0001_initial")]
operations = [
    migrations.CreateModel(
        "Wing",
        fields=[
            ("id", models.BigAutoField(primary_key=True)),
            ("message", models.ForeignKey("two_steps.Message", models.CASCADE)),
        ],
    ),
]
## 0002_nothing: A second step, which a test leaves pending.
operations = []

# loses_lock
## 0001_initial: A number.
operations = [
    migrations.RunSQL("CREATE TABLE tides AS SELECT 100 AS height", "DROP TABLE tides"),
]
## 0002_add: Ten more, and then what SITUATION_LOSES says.
def add(apps: Any, editor: Any) -> None:
    editor.execute("UPDATE tides SET height = height + 10")
    how = os.environ.get("SITUATION_LOSES")
    if how == "close":
        editor.connection.close()
    elif how == "unlock":
        editor.execute("SELECT pg_advisory_unlock_all()")
        steps.wait_for_the_test("unlocked")
    elif how:
        editor.execute(how)
        editor.execute("UPDATE tides SET height = height + 1000")

atomic = os.environ.get("SITUATION_ATOMIC") == "yes"
operations = [migrations.RunPython(add)]

# long_name
## 0001_initial: Names of which PostgreSQL keeps 63 bytes, though they have fewer characters.
atomic = False
operations = [
    migrations.CreateModel(
        "Number",
        fields=[
            ("id", models.BigAutoField(primary_key=True)),
            ("value", models.TextField(db_column="数" * 22)),
        ],
        options={"db_table": "数" * 22},
    ),
]

# loses_columns
## 0001_initial: A ship.
operations = [
    migrations.CreateModel(
        "Ship",
        fields=[
            ("id", models.BigAutoField(primary_key=True)),
            ("name", models.TextField()),
        ],
    ),
]
## 0002_add_columns: A column that may be NULL, one that may not, and one that is generated.
operations = [
    migrations.AddField("ship", "notes", models.TextField(null=True)),
    migrations.AddField("ship", "tons", models.IntegerField(default=0)),
    migrations.AddField(
        "ship",
        "loud",
        models.GeneratedField(
            expression=Upper("name"), output_field=models.TextField(), db_persist=True
        ),
    ),
]
## 0003_widen: A wider type, which the way back narrows.
operations = [
    migrations.AlterField("ship", "tons", models.BigIntegerField(default=0)),
]
## 0004_rename: Other names for a table and a column.
operations = [
    migrations.RenameModel("Ship", "Vessel"),
    migrations.RenameField("vessel", "notes", "remarks"),
]
## 0005_retype: A type whose values are stored in the same way.
operations = [
    migrations.AlterField("vessel", "remarks", models.CharField(null=True)),
]

# loses_rows
## 0001_initial: Flags.
operations = [
    migrations.CreateModel(
        "Flag",
        fields=[
            ("code", models.TextField(primary_key=True)),
            ("meaning", models.TextField(default="")),
        ],
    ),
]
## 0002_seed: Rows that the way back deletes.
operations = [
    migrations.RunSQL(
        "INSERT INTO loses_rows_flag (code, meaning) VALUES ('a', 'diver down'), ('b', '')",
        "DELETE FROM loses_rows_flag WHERE code IN ('a', 'b')",
    ),
]
## 0003_reword: Values that the way back changes.
operations = [
    migrations.RunSQL(
        migrations.RunSQL.noop,
        "UPDATE loses_rows_flag SET meaning = '' WHERE meaning <> ''",
    ),
]
## 0004_fill: Rows that the way back truncates.
operations = [
    migrations.RunSQL(
        migrations.RunSQL.noop,
        "TRUNCATE loses_rows_flag",
    ),
]
## 0005_swap: A table that the way back puts a copy in the place of.
operations = [
    migrations.RunSQL(
        migrations.RunSQL.noop,
        "CREATE TABLE swapped (LIKE loses_rows_flag INCLUDING ALL); "
        "DROP TABLE loses_rows_flag; "
        "ALTER TABLE swapped RENAME TO loses_rows_flag",
    ),
]

# measured
## 0001_initial: Two tables.
## 0002_volatile_default: A default that differs from row to row.
## 0003_constant_default: A default that is the same for every row.
## 0004_check_at_once: A rule that every row is tried against at once.
## 0005_check_not_valid: A rule for new rows.
## 0006_validate_check: The rule for the rows that were there.
## 0007_both_in_one: Both steps in one transaction, which holds the lock of the first in the second.
## 0008_index: An index.
## 0009_index_concurrently: An index that nobody waits for.
atomic = False
## 0010_index_not_concurrently: An index without a transaction, but with its lock.
atomic = False
## 0011_own_transactions: A script with a transaction of its own.
atomic = False
## sql/0001_initial.sql
-- Two tables.

-- UP
CREATE TABLE public.owners (id integer PRIMARY KEY);

CREATE TABLE public.things (id integer PRIMARY KEY, size integer, owner_id integer);

-- DOWN
DROP TABLE public.things;
DROP TABLE public.owners;
## sql/0002_volatile_default.sql
-- A default that differs from row to row.

-- UP
ALTER TABLE public.things ADD COLUMN token uuid NOT NULL DEFAULT gen_random_uuid();

-- DOWN
ALTER TABLE public.things DROP COLUMN token;
## sql/0003_constant_default.sql
-- A default that is the same for every row.

-- UP
ALTER TABLE public.things ADD COLUMN weight integer NOT NULL DEFAULT 1;

-- DOWN
ALTER TABLE public.things DROP COLUMN weight;
## sql/0004_check_at_once.sql
-- A rule that every row is tried against at once.

-- UP
ALTER TABLE public.things ADD CONSTRAINT things_weight_ck CHECK (weight > 0);

-- DOWN
ALTER TABLE public.things DROP CONSTRAINT things_weight_ck;
## sql/0005_check_not_valid.sql
-- A rule for new rows.

-- UP
ALTER TABLE public.things ADD CONSTRAINT things_size_ck CHECK (size > 0) NOT VALID;

-- DOWN
ALTER TABLE public.things DROP CONSTRAINT things_size_ck;
## sql/0006_validate_check.sql
-- The rule for the rows that were there.

-- UP
ALTER TABLE public.things VALIDATE CONSTRAINT things_size_ck;

-- DOWN
ALTER TABLE public.things
    DROP CONSTRAINT things_size_ck,
    ADD CONSTRAINT things_size_ck CHECK (size > 0) NOT VALID;
## sql/0007_both_in_one.sql
-- Both steps in one transaction, which holds the lock of the first in the second.

-- UP
ALTER TABLE public.things ADD CONSTRAINT things_size_high_ck CHECK (size < 9) NOT VALID;
ALTER TABLE public.things VALIDATE CONSTRAINT things_size_high_ck;

-- DOWN
ALTER TABLE public.things DROP CONSTRAINT things_size_high_ck;
## sql/0008_index.sql
-- An index.

-- UP
CREATE INDEX things_size_ix ON public.things (size);

-- DOWN
DROP INDEX public.things_size_ix;
## sql/0009_index_concurrently.sql
-- An index that nobody waits for.

-- UP
CREATE INDEX CONCURRENTLY things_weight_ix ON public.things (weight);

-- DOWN
DROP INDEX CONCURRENTLY public.things_weight_ix;
## sql/0010_index_not_concurrently.sql
-- An index without a transaction, but with its lock.

-- UP
CREATE INDEX things_token_ix ON public.things (token);

-- DOWN
DROP INDEX public.things_token_ix;
## sql/0011_own_transactions.sql
-- A script with a transaction of its own.

-- UP
BEGIN;
LOCK TABLE public.things IN EXCLUSIVE MODE;
ALTER TABLE public.things ADD COLUMN note text;
COMMIT;

-- DOWN
ALTER TABLE public.things DROP COLUMN note;

# missing_down
## 0001_only: One SQL file.
## sql/0001_only.up.sql
-- A table that stays.
CREATE TABLE things (id integer PRIMARY KEY);

# missing_up
## 0001_only: One SQL file.
## sql/0001_only.down.sql
DROP TABLE things;

# needs_extension
## 0001_initial: A table with a type of an extension that no migration makes.
operations = [migrations.RunSQL("CREATE TABLE bags (things hstore)", "DROP TABLE bags")]
## 0002_extension: An extension of its own, which may be there already.
operations = [
    migrations.RunSQL(
        "CREATE EXTENSION IF NOT EXISTS btree_gin", "DROP EXTENSION IF EXISTS btree_gin"
    ),
]

# no_way_back
## 0001_initial
operations = [migrations.RunSQL("CREATE TABLE sand (id integer)", "DROP TABLE sand")]
## 0002_scatter: Code that nobody wrote a reverse for.
def scatter(_apps: Any, _editor: Any) -> None:
    pass

operations = [migrations.RunPython(scatter)]
## 0003_widen
operations = [
    migrations.RunSQL("ALTER TABLE sand ADD grain text", "ALTER TABLE sand DROP grain")
]

# not_atomic
## 0001_initial: A ship.
operations = [
    migrations.CreateModel(
        "Ship",
        fields=[
            ("id", models.BigAutoField(primary_key=True)),
            ("name", models.TextField()),
        ],
    ),
]
## 0002_add_columns: Columns, a type, and a table that only SQL knows of.
operations = [
    migrations.AddField("ship", "notes", models.TextField(null=True)),
    migrations.AlterField("ship", "name", models.CharField(max_length=50)),
    migrations.RunSQL("CREATE TABLE beside (id int)", "DROP TABLE beside"),
    migrations.RunPython(migrations.RunPython.noop, migrations.RunPython.noop),
]
## 0003_concurrently: An index that is built while others write.
atomic = False
operations = [
    AddIndexConcurrently("ship", models.Index(fields=["name"], name="not_atomic_ship_name_ix")),
]

# odd_index: An index that is made in the way that SITUATION_INDEX says.
## 0001_initial: A table.
operations = [
    migrations.CreateModel(
        "Page",
        fields=[
            ("id", models.BigAutoField(primary_key=True)),
            ("title", models.TextField(default="")),
        ],
        options={"db_table": "odd_pages"},
    ),
]
## 0002_index: The index, for which every title has to be a number.
class OwnAddIndex(AddIndexConcurrently):
    pass

def make(apps: Any, editor: Any) -> None:
    statement = "CREATE INDEX IF NOT EXISTS odd_ix ON odd_pages ((title::integer))"
    how = os.environ["SITUATION_INDEX"]
    if how == "hidden":
        editor.execute("SET client_min_messages = warning")
    if how in {"django", "hidden"}:
        editor.execute(statement)
    elif how == "psycopg":
        editor.connection.connection.execute(statement)
    elif how == "body":
        editor.execute(f"DO $$ BEGIN {statement}; END $$")
    else:
        try:
            editor.execute("CREATE INDEX CONCURRENTLY odd_ix ON odd_pages ((title::integer))")
        except Exception as error:
            print(error)

ways = {
    "comment": migrations.RunSQL(
        "CREATE /* slowly */ INDEX -- and\n CONCURRENTLY odd_ix ON odd_pages ((title::integer))"
    ),
    "subclass": OwnAddIndex(
        "page", models.Index(models.functions.Cast("title", models.IntegerField()), name="odd_ix")
    ),
}
atomic = os.environ.get("SITUATION_ATOMIC") == "yes"
operations = [ways.get(os.environ["SITUATION_INDEX"]) or migrations.RunPython(make)]

# paused: A migration that can be stopped in the middle of its DDL, its data, and its rollback.
## 0001_initial: A table with rows.
def fill(apps: Any, schema_editor: Any) -> None:
    note = apps.get_model("paused", "Note")
    notes = [note(text="before") for _ in range(10)]
    note.objects.using(schema_editor.connection.alias).bulk_create(notes)

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
## 0002_change: DDL, data, DDL: with a stop between each two, forwards and backwards.
def change_half(apps: Any, schema_editor: Any) -> None:
    notes = apps.get_model("paused", "Note").objects.using(schema_editor.connection.alias)
    notes.filter(id__lte=5).update(text="after")
    steps.wait_for_the_test("data")
    notes.filter(id__gt=5).update(text="after")

def change_back(apps: Any, schema_editor: Any) -> None:
    notes = apps.get_model("paused", "Note").objects.using(schema_editor.connection.alias)
    notes.update(text="before")
    steps.wait_for_the_test("rollback")

def stop_in_the_ddl(apps: Any, schema_editor: Any) -> None:
    steps.wait_for_the_test("ddl")

def stop_at_the_end(apps: Any, schema_editor: Any) -> None:
    steps.wait_for_the_test("end")

operations = [
    migrations.AddField("Note", "author", models.TextField(default="")),
    migrations.RunPython(stop_in_the_ddl, migrations.RunPython.noop),
    migrations.RunPython(change_half, change_back),
    migrations.RunPython(stop_at_the_end, migrations.RunPython.noop),
]

# paused_index: An index that is built concurrently, on a table that others can hold up.
## 0001_initial: A table.
operations = [
    migrations.CreateModel(
        "Page",
        fields=[
            ("id", models.BigAutoField(primary_key=True)),
            ("title", models.TextField(default="")),
        ],
        options={"db_table": "paused_pages"},
    ),
]
## 0002_index: The index, in SQL that would do nothing at all were an INVALID one left.
atomic = False
operations = [
    migrations.RunSQL(
        "CREATE INDEX CONCURRENTLY IF NOT EXISTS paused_pages_title_ix ON paused_pages (title)",
        "DROP INDEX CONCURRENTLY paused_pages_title_ix",
    ),
]

# raises
## 0001_initial
operations = [
    migrations.RunSQL(
        "CREATE TABLE shells (id integer PRIMARY KEY, kind text CHECK (kind <> ''))",
        "DROP TABLE shells",
    )
]
## 0002_fill: Code that fails after it has done something; SITUATION_RAISES says how.
def fill(_apps: Any, editor: Any) -> None:
    statements = {
        "privilege": "SET LOCAL ROLE pg_monitor; CREATE TABLE others (id integer)",
        "integrity": "INSERT INTO shells VALUES (1, '')",
        "data": "INSERT INTO shells VALUES ('one')",
        "unique": "INSERT INTO shells VALUES (8); CREATE UNIQUE INDEX ON shells ((1))",
        "missing": "INSERT INTO shellz VALUES (1)",
        "twice": "CREATE TABLE shells (id integer)",
        "session": "SELECT pg_terminate_backend(pg_backend_pid())",
    }
    how = os.environ["SITUATION_RAISES"]
    editor.execute("INSERT INTO shells VALUES (7, 'cowrie')")
    if how in {"code", "exit"}:
        raise SystemExit(0) if how == "exit" else ZeroDivisionError("division by zero")
    for statement in statements[how].split("; "):
        editor.execute(statement)

atomic = os.environ.get("SITUATION_ATOMIC") != "no"
operations = [migrations.RunPython(fill, fill)]

# renamed_field: A field that is renamed, which cannot be done twice to the same state.
## 0001_initial: A table.
operations = [
    migrations.CreateModel(
        "Label",
        fields=[
            ("id", models.BigAutoField(primary_key=True)),
            ("text", models.TextField(default="")),
        ],
        options={"db_table": "renamed_labels"},
    ),
]
## 0002_rename: Another name.
operations = [migrations.RenameField("Label", "text", "title")]

# sections
## 0001_only: One SQL file.
## sql/0001_only.sql
-- Both directions in one file; what looks like a marker in the body is none.

--up
CREATE TABLE public.shelves (id bigint PRIMARY KEY, label text NOT NULL DEFAULT '-- DOWN');

CREATE FUNCTION public.label_shelf() RETURNS trigger
LANGUAGE plpgsql
AS $body$
BEGIN
    -- DOWN
    NEW.label := format('%s;', NEW.label);
    RETURN NEW;
END
$body$;

CREATE TRIGGER label_shelf
    BEFORE INSERT ON public.shelves
    FOR EACH ROW
    EXECUTE FUNCTION public.label_shelf();

  -- Down
DROP TABLE public.shelves;
DROP FUNCTION public.label_shelf();

# sets_session: What a migration sets in its session, SITUATION_SETS, and what the next one sees.
## 0001_initial
operations = [
    migrations.RunSQL(
        "CREATE TABLE shelves (id integer PRIMARY KEY)", "DROP TABLE public.shelves"
    ),
]
## 0002_set
atomic = os.environ.get("SITUATION_ATOMIC") != "no"
operations = [
    migrations.RunSQL(
        os.environ["SITUATION_SETS"].split("; "), os.environ.get("SITUATION_SETS_BACK", "")
    ),
]
## 0003_see
operations = [
    migrations.RunSQL(
        [
            "INSERT INTO shelves VALUES (1)",
            "CREATE TABLE public.seen AS SELECT name, current_setting(name, true) AS value"
            " FROM unnest(ARRAY['search_path', 'session_replication_role', 'TimeZone', 'role',"
            " 'standard_conforming_strings', 'lock_timeout', 'default_transaction_read_only',"
            " 'check_function_bodies', 'shelf.flag']) AS name"
            " UNION ALL SELECT 'prepared', count(*)::text FROM pg_prepared_statements"
            " UNION ALL SELECT 'cursors', count(*)::text FROM pg_cursors WHERE is_holdable"
            " UNION ALL SELECT 'listening', count(*)::text FROM pg_listening_channels()",
        ],
        ["DROP TABLE public.seen", "DELETE FROM shelves"],
    ),
]

# sleeping
## 0001_initial: Long enough to be interrupted.
## sql/0001_initial.sql
-- Long enough to be interrupted.

-- UP
SELECT pg_sleep(600);

-- DOWN
-- Nothing to undo.

# squashed
## 0001_one: Step 1 of what was squashed.
operations = [migrations.RunSQL("SELECT 1;", "SELECT -1;")]
## 0001_squashed_0002_two: Both steps in one.
dependencies = []
replaces = [("squashed", "0001_one"), ("squashed", "0002_two")]
operations = [migrations.RunSQL("SELECT 3;", "SELECT -3;")]
## 0002_two: Step 2 of what was squashed.
dependencies = [("squashed", "0001_one")]
operations = [migrations.RunSQL("SELECT 2;", "SELECT -2;")]

# squashed_and_deleted
## 0001_squashed_0002_two: Both steps in one; their own files are deleted.
replaces = [("squashed_and_deleted", "0001_one"), ("squashed_and_deleted", "0002_two")]
operations = [migrations.RunSQL("SELECT 3;", "SELECT -3;")]

# squashed_tables
## 0001_one: The first of two tables that were squashed.
operations = [
    migrations.CreateModel("Shelf", fields=[("id", models.BigAutoField(primary_key=True))]),
]
## 0001_squashed_0002_two: Both in one.
dependencies = []
replaces = [("squashed_tables", "0001_one"), ("squashed_tables", "0002_two")]
operations = [
    migrations.CreateModel("Shelf", fields=[("id", models.BigAutoField(primary_key=True))]),
    migrations.CreateModel("Book", fields=[("id", models.BigAutoField(primary_key=True))]),
]
## 0002_two: The second.
dependencies = [("squashed_tables", "0001_one")]
operations = [
    migrations.CreateModel("Book", fields=[("id", models.BigAutoField(primary_key=True))]),
]

# stalls_down
## 0001_initial: A ship.
operations = [
    migrations.CreateModel(
        "Ship",
        fields=[
            ("id", models.BigAutoField(primary_key=True)),
            ("name", models.TextField()),
        ],
    ),
]
## 0002_stall: A way back that computes between two statements until its session is ended.
def stall(apps: Any, schema_editor: Any) -> None:
    connection = schema_editor.connection
    pid = connection.connection.info.backend_pid
    with psycopg.connect(**connection.get_connection_params(), autocommit=True) as other:
        while other.execute("SELECT 1 FROM pg_stat_activity WHERE pid = %s", [pid]).fetchone():
            other.execute("SELECT pg_sleep(0.05)")
    schema_editor.execute("SELECT 1")

operations = [migrations.RunPython(migrations.RunPython.noop, stall)]

# strays: A way back that works on another connection than it is given; a test may choose how.
## 0001_initial: A ship.
operations = [
    migrations.CreateModel("Ship", fields=[("id", models.BigAutoField(primary_key=True))]),
]
## 0002_stray: Nothing, and a way back that strays.
def stray(apps: Any, schema_editor: Any) -> None:
    steps.stray(apps)

operations = [migrations.RunPython(migrations.RunPython.noop, stray)]

# two_alike
## 0001_initial: The name of the other begins with its own.
operations = [migrations.CreateModel("Buoy", [("id", models.BigAutoField(primary_key=True))])]
## 0001_initial_light: It comes after.
operations = [migrations.AddField("buoy", "is_lit", models.BooleanField(default=False))]

# two_steps
## 0001_initial: A model.
operations = [
    migrations.CreateModel(
        "Message",
        fields=[
            ("id", models.BigAutoField(primary_key=True)),
            ("content", models.TextField(default="")),
        ],
        options={"db_table": "two_steps_messages"},
    ),
]
## 0002_touch: A function and a trigger.
## sql/0002_touch.down.sql
-- The trigger first: it needs the function.
DROP TRIGGER shout ON public.two_steps_messages;
DROP FUNCTION public.shout();
## sql/0002_touch.up.sql
-- A per cent sign, a dollar-quoted body with semicolons, and two statements.
CREATE FUNCTION public.shout() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    NEW.content := format('%s!', NEW.content);
    RETURN NEW;
END
$body$;

CREATE TRIGGER shout
    BEFORE UPDATE ON public.two_steps_messages
    FOR EACH ROW
    WHEN (NEW.content LIKE '%loud%')
    EXECUTE FUNCTION public.shout();

# unnamed_index: A unique index, built concurrently, with the name that PostgreSQL gives it.
## 0001_initial: The index.
atomic = False
dependencies = [("paused_index", "0001_initial")]
operations = [migrations.RunSQL("CREATE UNIQUE INDEX CONCURRENTLY ON paused_pages (title)")]

# untidy_down
## 0001_initial: A ship.
operations = [
    migrations.CreateModel(
        "Ship",
        fields=[
            ("id", models.BigAutoField(primary_key=True)),
            ("name", models.TextField()),
        ],
    ),
]
## 0002_litter: A way back that leaves something of every kind behind.
def litter(apps: Any, schema_editor: Any) -> None:
    from django.contrib.contenttypes.models import ContentType

    alias = schema_editor.connection.alias
    ship = apps.get_model("untidy_down", "Ship")
    ship.objects.using(alias).create(id=99, name="Flying Dutchman")
    ContentType.objects.db_manager(alias).create(id=99, app_label="untidy_down", model="ghost")
    ContentType.objects.db_manager(alias).get_by_natural_key("untidy_down", "ghost")
    transaction.on_commit(lambda: 1 / 0, using=alias)

operations = [
    migrations.RunSQL(
        migrations.RunSQL.noop,
        "CREATE TEMPORARY TABLE flotsam (id int); "
        "CREATE TABLE jetsam (id int); "
        "CREATE SEQUENCE jetsam_seq; "
        "SET lock_timeout = '7s'; "
        "SET search_path = public, pg_temp; "
        "SELECT pg_advisory_lock(-7); "
        "SELECT pg_advisory_lock_shared(7); "
        "SELECT pg_advisory_lock(-1, 2); "
        "SELECT pg_advisory_lock_shared(1, -2); "
        "NOTIFY untidy_down; "
        "UPDATE untidy_down_ship SET name = 'renamed'",
    ),
    migrations.RunPython(migrations.RunPython.noop, litter),
]

# unwritten
## 0001_only: One SQL file.
## sql/0001_only.down.sql
-- Nothing to undo.
## sql/0001_only.up.sql
-- Makes things; nobody has written how.

# without_down_section
## 0001_only: One SQL file.
## sql/0001_only.sql
-- UP
CREATE TABLE public.things (id integer PRIMARY KEY);

# wrong_down
## 0001_initial: A table.
## 0002_forgetful: The way down forgets the index, and turns a default.
## 0003_exact: Right, and in need of what came before.
## sql/0001_initial.sql
-- A table.

-- UP
CREATE TABLE public.things (id integer PRIMARY KEY, name text);

-- DOWN
DROP TABLE public.things;
## sql/0002_forgetful.sql
-- The way down forgets the index, and turns a default.

-- UP
CREATE INDEX things_name_ix ON public.things (name);
ALTER TABLE public.things ADD COLUMN loud boolean NOT NULL DEFAULT false;

-- DOWN
ALTER TABLE public.things DROP COLUMN loud;
ALTER TABLE public.things ALTER COLUMN name SET DEFAULT 'x';
## sql/0003_exact.sql
-- Right, and in need of what came before.

-- UP
ALTER TABLE public.things ALTER COLUMN loud SET DEFAULT true;

-- DOWN
ALTER TABLE public.things ALTER COLUMN loud SET DEFAULT false;
'''
