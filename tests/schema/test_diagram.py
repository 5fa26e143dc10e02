# ruff: noqa: DJ008
"""The diagram of the tables, and the file that it is kept in."""

from io import StringIO
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.contrib.postgres.fields import ArrayField
from django.core.management import CommandError, call_command
from django.db import connection, models
from django.test.utils import isolate_apps

from chat.db.constraints import CompositeForeignKey
from chat.diagram import DiagramError, er_diagram, replace_diagram

MARKED = """# MELO

<!-- schema-diagram:start -->
old
<!-- schema-diagram:end -->

The end.
"""


REPLY_KEY = CompositeForeignKey(
    name="posts_reply_fk",
    fields=["place", "reply_to"],
    to="self",
    to_fields=["place", "id"],
)
# Over the primary key and one more, and with a column that comes twice.
TWICE_KEY = CompositeForeignKey(
    name="profiles_twice_fk",
    fields=["place", "elsewhere", "place"],
    to="self",
    to_fields=["place", "elsewhere", "place"],
)


@isolate_apps("tests.schema")
def test_columns_keys_and_relations_are_drawn() -> None:
    class Place(models.Model):
        id = models.UUIDField(primary_key=True)
        code = models.CharField(max_length=9, unique=True)
        name = models.CharField(max_length=9)
        created_at = models.DateTimeField()
        friends = models.ManyToManyField("self")

        class Meta:
            app_label = "schema"
            db_table = "places"
            constraints = [models.UniqueConstraint(fields=["name"], name="places_name_uq")]

    class Post(models.Model):
        place = models.ForeignKey(Place, models.CASCADE, related_name="+")
        moved_to = models.ForeignKey(Place, models.CASCADE, null=True, related_name="+")
        seen_at = models.ForeignKey(Place, models.CASCADE, related_name="+", db_constraint=False)
        author = models.ForeignKey(get_user_model(), models.CASCADE, related_name="+")
        reply_to = models.IntegerField(null=True)
        price = models.DecimalField(max_digits=10, decimal_places=2)
        tags = ArrayField(models.CharField(max_length=3))
        doubled = models.GeneratedField(
            expression=models.F("price") * 2,
            output_field=models.DecimalField(max_digits=10, decimal_places=2),
            db_persist=True,
        )

        class Meta:
            app_label = "schema"
            db_table = "posts"
            constraints = [REPLY_KEY]

    class Profile(models.Model):
        place = models.OneToOneField(Place, models.CASCADE, primary_key=True)
        elsewhere = models.ForeignKey("Access", models.DO_NOTHING)

        class Meta:
            app_label = "schema"
            db_table = "profiles"
            constraints = [TWICE_KEY]

    class Access(models.Model):
        class Meta:
            app_label = "schema"
            managed = False

    user = get_user_model()
    tables: list[type[models.Model]] = [user, Place, Post, Profile, Access, Place.friends.through]
    drawn = er_diagram(tables, connection=connection)

    above, users = drawn.split("    users {\n")
    assert above == (
        "erDiagram\n"
        "    direction LR\n"
        "    places {\n"
        "        uuid id PK\n"
        "        varchar code UK\n"
        "        varchar name UK\n"
        "    }\n"
        "    posts {\n"
        "        bigint id PK\n"
        "        uuid place_id FK\n"
        "        uuid moved_to_id FK\n"
        "        uuid seen_at_id FK\n"
        "        uuid author_id FK\n"
        "        integer reply_to\n"
        "        numeric price\n"
        "        varchar[] tags\n"
        "        numeric doubled\n"
        "    }\n"
        "    profiles {\n"
        "        uuid place_id PK, FK\n"
        "        bigint elsewhere_id FK\n"
        "    }\n"
    )
    assert users.partition("    }\n")[2] == (
        '    places |o--o{ posts : "moved_to_id"\n'
        '    places ||--o{ posts : "place_id"\n'
        '    places ||--o| profiles : "place_id"\n'
        '    posts |o--o{ posts : "place_id, reply_to"\n'
        '    profiles ||--o| profiles : "place_id, elsewhere_id"'
    )
    assert er_diagram(reversed(tables), connection=connection) == drawn


def test_only_what_is_between_the_markers_is_replaced() -> None:
    text = replace_diagram(MARKED, "erDiagram", path=Path("README.md"))

    assert text == (
        "# MELO\n\n<!-- schema-diagram:start -->\n```mermaid\nerDiagram\n```\n"
        "<!-- schema-diagram:end -->\n\nThe end.\n"
    )
    assert replace_diagram(text, "erDiagram", path=Path("README.md")) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<!-- schema-diagram:start -->",
        MARKED + MARKED,
        "<!-- schema-diagram:end --> <!-- schema-diagram:start -->",
    ],
)
def test_file_without_its_markers_is_refused(text: str) -> None:
    with pytest.raises(DiagramError, match=r"README\.md"):
        replace_diagram(text, "erDiagram", path=Path("README.md"))


def test_stale_file_says_what_to_run_and_is_fresh_after_it(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(MARKED)

    with pytest.raises(CommandError) as caught:
        call_command("schema_diagram", check=readme)
    stale = readme.read_text()
    call_command("schema_diagram", write=readme)
    call_command("schema_diagram", check=readme)

    assert caught.value.returncode == 1
    assert f"python manage.py schema_diagram --write {readme}" in str(caught.value)
    assert stale == MARKED
    assert "    users {\n        uuid id PK\n" in readme.read_text()
    assert readme.read_text().endswith("\n\nThe end.\n")


def test_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"Expected .*absent\.md"):
        call_command("schema_diagram", check=tmp_path / "absent.md")


def test_diagram_goes_to_stdout() -> None:
    stdout = StringIO()

    call_command("schema_diagram", stdout=stdout)

    assert stdout.getvalue().startswith("erDiagram\n")
