"""Each table says where it belongs, and a machine is told the same."""

import tomllib

import pytest
from django.apps import apps

from chat.checks import check_distribution
from chat.distribution.pgdog import pgdog_tables
from chat.distribution.tables import ForeignKey, Kind, Table, in_order
from chat.rules import distribution


def problems() -> list[tuple[str | None, str]]:
    return [(each.id, each.msg) for each in check_distribution(app_configs=None)]


def test_every_table_says_where_it_belongs() -> None:
    assert problems() == []


def test_table_that_is_not_named_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(distribution.SPREAD, "bans")
    monkeypatch.setitem(distribution.SPREAD, "berths", "space_id")

    assert problems() == [
        ("chat.E006", "The table bans is named 0 times in chat/rules/distribution.py."),
        (
            "chat.E006",
            "The table berths is named 1 times in chat/rules/distribution.py, and no model has it.",
        ),
    ]


def test_table_that_is_named_twice_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(distribution.SPREAD, "users", "id")

    assert problems() == [
        ("chat.E006", "The table users is named 2 times in chat/rules/distribution.py.")
    ]


def test_column_that_a_table_lacks_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(distribution.SPREAD, "bans", "server")

    assert problems() == [
        ("chat.E007", "The table bans is to be spread by server, and has no such column.")
    ]


def test_target_comes_before_what_points_at_it_and_keys_of_a_circle_are_dropped() -> None:
    tables = [Table(name=name, kind=Kind.SPREAD) for name in ("berths", "cranes", "docks")]
    keys = [
        ForeignKey(name=f"{table}_{target}_fk", table=table, target=target, definition="")
        for table, target in (
            ("berths", "cranes"),
            ("cranes", "docks"),
            ("docks", "berths"),
            ("docks", "docks"),
            ("berths", "users"),
        )
    ]

    placed, circular = in_order(tables, keys, first="docks")

    assert [table.name for table in placed] == ["docks", "cranes", "berths"]
    assert [key.name for key in circular] == ["docks_berths_fk"]


def test_pgdog_is_told_of_every_table_in_its_own_form() -> None:
    told = tomllib.loads(pgdog_tables(database="chat"))

    spread = {each["name"]: (each["column"], each["data_type"]) for each in told["sharded_tables"]}
    assert spread["messages"] == ("space_id", "uuid")
    assert spread["user_preferences"] == ("user_id", "uuid")
    (whole,) = told["omnisharded_tables"]
    assert whole["tables"] == ["admin_access_log", "invite_codes", "user_sessions", "users"]
    named = {*spread, *whole["tables"], *distribution.LOCAL}
    models = apps.get_app_config("chat").get_models(include_auto_created=True)
    assert named == {model._meta.db_table for model in models if model._meta.managed}
