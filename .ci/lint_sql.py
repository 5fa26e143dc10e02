"""Lint the SQL of every migration, as sqlmigrate prints it, with squawk and .squawk.toml.

What sqlmigrate prints has the SQL files in it, word for word.

Ends with 1 when something is found that is not excused, or an excuse is needed no more.
"""

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import django
from django.core.management import call_command
from django.db.migrations.loader import MigrationLoader

ROOT = Path(__file__).resolve().parent.parent

BEFORE_THE_FIRST_RELEASE = "the tables are new with the release that it is in, so nobody waits"

# The packages' own: up to these their tables are made, empty. A later one, which an upgrade brings,
# finds rows, and is linted like ours.
AS_INSTALLED = {
    "admin": "0003_logentry_add_action_flag_choices",
    "auth": "0012_alter_user_first_name_max_length",
    "axes": "0010_accessattemptexpiration",
    "contenttypes": "0002_remove_content_type_name",
    "sessions": "0001_initial",
}

# A migration that has landed is never edited, so what it is let off stands here.
EXCUSED = {
    ("chat.0009_search_messages", "adding-field-with-default"): BEFORE_THE_FIRST_RELEASE,
    ("chat.0009_search_messages", "require-concurrent-index-creation"): BEFORE_THE_FIRST_RELEASE,
    ("chat.0012_search_every_script", "ban-drop-generated-expression"): (
        "a trigger makes the values from the same moment on, whatever a client writes"
    ),
    ("chat.0015_prepare_for_clusters", "ban-drop-constraint"): (
        "the same guarantee is back before the transaction ends"
    ),
    (
        "chat.0015_prepare_for_clusters",
        "adding-foreign-key-constraint",
    ): BEFORE_THE_FIRST_RELEASE,
    (
        "chat.0015_prepare_for_clusters",
        "constraint-missing-not-valid",
    ): BEFORE_THE_FIRST_RELEASE,
    ("chat.0017_bound_lists", "require-concurrent-index-creation"): BEFORE_THE_FIRST_RELEASE,
    ("chat.0017_bound_lists", "require-concurrent-index-deletion"): BEFORE_THE_FIRST_RELEASE,
    ("chat.0019_hold_conversations", "ban-drop-constraint"): (
        "the same guarantee is back before the transaction ends"
    ),
    (
        "chat.0019_hold_conversations",
        "constraint-missing-not-valid",
    ): BEFORE_THE_FIRST_RELEASE,
    (
        "chat.0020_keep_owners_in_groups",
        "adding-foreign-key-constraint",
    ): BEFORE_THE_FIRST_RELEASE,
    (
        "chat.0020_keep_owners_in_groups",
        "constraint-missing-not-valid",
    ): BEFORE_THE_FIRST_RELEASE,
}


def main() -> int:
    """Lint the SQL of each migration in a file of its own, and say what is found."""
    with TemporaryDirectory() as directory:
        names = [write_sql(key, Path(directory)) for key in sorted(linted_migrations())]
        found = lint(Path(directory))
    left = [one for one in found if (Path(one["file"]).stem, one["rule_name"]) not in EXCUSED]
    for one in left:
        sys.stdout.write(
            f"{Path(one['file']).stem}, line {one['line'] + 1} of its sqlmigrate: "
            f"{one['rule_name']}: {one['message']} {one.get('help') or ''}\n"
        )
    met = {(Path(one["file"]).stem, one["rule_name"]) for one in found}
    stale = sorted(EXCUSED.keys() - met)
    for name, rule in stale:
        sys.stdout.write(f"{name} needs no excuse for {rule} any more: take it out of {__file__}\n")
    if not left and not stale:
        sys.stdout.write(f"{len(names)} migrations: nothing found that is not excused\n")
    return 1 if left or stale else 0


def linted_migrations() -> list[tuple[str, str]]:
    """Return every migration on disk but those that made the tables of a package."""
    return [
        (app, name)
        for app, name in MigrationLoader(None).disk_migrations
        if name > AS_INSTALLED.get(app, "")
    ]


def write_sql(key: tuple[str, str], directory: Path) -> str:
    """Write what sqlmigrate prints of a migration, and return the migration's name."""
    printed = io.StringIO()
    call_command("sqlmigrate", *key, stdout=printed, no_color=True)
    name = ".".join(key)
    (directory / f"{name}.sql").write_text(printed.getvalue())
    return name


def lint(directory: Path) -> list[dict[str, Any]]:
    """Return what squawk finds; it ends with 1 when it finds anything."""
    # Beside the Python that runs this, also where the environment is not activated.
    squawk = Path(sys.executable).with_name("squawk")
    result = subprocess.run(
        [squawk, "--config", ROOT / ".squawk.toml", "--reporter", "json", directory / "*.sql"],
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode not in {0, 1}:
        raise SystemExit(f"squawk ended with {result.returncode}: {result.stderr}")
    found: list[dict[str, Any]] = json.loads(result.stdout)
    return found


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "melo.settings")
    django.setup()
    sys.exit(main())
