"""Whether a rollback may begin: what is shown, what is asked, what is refused."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper

from chat.schema.errors import ExitCode
from chat.schema.guards import ProductionRefusedError
from chat.schema.rollback.consent import (
    NotConfirmedError,
    RollbackWouldFailError,
    confirm_loss,
    require_consent,
)
from chat.schema.rollback.counts import Count, Precision
from chat.schema.rollback.loss import Loss, LossItem
from chat.schema.rollback.relations import EffectKind
from chat.schema.rollback.report import count_in_words, loss_table, rollback_table
from tests.schema.test_loss import backwards, execute
from tests.schema.test_loss_trial import somebody_else
from tests.schema.test_status import Situation, migrate

NOTHING = Loss(rollbacks=(("two_steps", "0002_touch"),))
THREE_ROWS = Loss(
    rollbacks=(("two_steps", "0001_initial"),),
    lost=(LossItem(kind=EffectKind.TABLE_DROPPED, name="messages", count=Count(3)),),
)
Confirm = Callable[..., list[str]]


def never(question: str) -> str:
    raise AssertionError(f"asked: {question}")


def require(
    loss: Loss,
    *,
    ask: Callable[[str], str] | None = None,
    is_production: bool = False,
    is_forced: bool = False,
) -> None:
    require_consent(loss, ask=ask, is_production=is_production, is_forced=is_forced)


@pytest.fixture
def messages(scratch_connection: BaseDatabaseWrapper, situation: Situation) -> BaseDatabaseWrapper:
    situation("two_steps", "house")
    migrate()
    execute(scratch_connection, "INSERT INTO two_steps_messages (content) VALUES ('a'), ('b')")
    return scratch_connection


@pytest.fixture
def confirm(messages: BaseDatabaseWrapper) -> Confirm:
    """Confirms the rollback of an app, and returns the lines that were written."""

    def run(
        app: str,
        target: str | None,
        *,
        ask: Callable[[str], str] | None = None,
        is_production: bool = False,
        is_forced: bool = False,
        lock_timeout: timedelta = timedelta(seconds=1),
    ) -> list[str]:
        written: list[str] = []
        confirm_loss(
            messages,
            plan=backwards(messages, app, target),
            ask=ask,
            is_production=is_production,
            is_forced=is_forced,
            write=written.append,
            lock_timeout=lock_timeout,
        )
        return "\n".join(written).splitlines()

    return run


def test_yes_is_consent() -> None:
    asked: list[str] = []

    def ask(question: str) -> str:
        asked.append(question)
        return " yes "

    require(THREE_ROWS, ask=ask)

    assert asked == ["Type yes to roll back: "]


@pytest.mark.parametrize("answer", ["", "y", "no", "yes please"])
def test_anything_else_is_not(answer: str) -> None:
    with pytest.raises(NotConfirmedError) as caught:
        require(THREE_ROWS, ask=lambda _: answer)

    assert caught.value.exit_code == 3


@pytest.mark.parametrize("interruption", [EOFError, KeyboardInterrupt])
def test_no_answer_is_no_consent(interruption: type[BaseException]) -> None:
    def ask(question: str) -> str:
        raise interruption

    with pytest.raises(NotConfirmedError):
        require(THREE_ROWS, ask=ask)


def test_nothing_to_lose_is_not_asked_about() -> None:
    require(NOTHING, ask=never)


def test_nobody_to_ask_goes_on() -> None:
    require(THREE_ROWS, ask=None)


@pytest.mark.parametrize("loss", [NOTHING, THREE_ROWS])
def test_production_is_refused_whoever_could_be_asked(loss: Loss) -> None:
    for ask in (None, lambda _: "yes"):
        with pytest.raises(ProductionRefusedError) as caught:
            require(loss, ask=ask, is_production=True)

        assert caught.value.exit_code is ExitCode.REFUSED
        assert "FORCE_ROLLBACK=1" in str(caught.value)


def test_override_lets_production_go_on_and_answers_no_question() -> None:
    require(THREE_ROWS, ask=None, is_production=True, is_forced=True)
    with pytest.raises(NotConfirmedError):
        require(THREE_ROWS, ask=lambda _: "no", is_production=True, is_forced=True)


@pytest.mark.parametrize(
    "loss",
    [
        Loss(
            rollbacks=(),
            lost=(
                LossItem(
                    kind=EffectKind.COLUMN_DROPPED, name="a.b", count=Count(0, Precision.ABOUT)
                ),
            ),
        ),
        Loss(
            rollbacks=(),
            changed=(LossItem(kind=EffectKind.COLUMN_RETYPED, name="a.b", count=Count(1)),),
        ),
        Loss(rollbacks=(), not_tried=("why",), unknown=("a.0001_b: Raw SQL operation",)),
    ],
)
def test_what_is_not_certain_is_asked_about(loss: Loss) -> None:
    with pytest.raises(NotConfirmedError):
        require(loss, ask=lambda _: "")


def test_rollback_that_would_fail_is_refused_before_it_begins(
    messages: BaseDatabaseWrapper, confirm: Confirm
) -> None:
    execute(messages, "ALTER FUNCTION shout() RENAME TO renamed")

    with pytest.raises(RollbackWouldFailError) as caught:
        confirm("two_steps", None)
    forced = confirm("two_steps", None, is_forced=True)

    assert str(caught.value).splitlines()[:2] == [
        "The rollback would fail half way; nothing was changed.",
        "Its trial run failed at two_steps.0002_touch: function public.shout() does not exist",
    ]
    assert "FORCE_ROLLBACK=1" in str(caught.value)
    assert caught.value.exit_code == 3
    assert forced[-2:] == [
        "The trial run failed, as the rollback would, at two_steps.0002_touch: function",
        "public.shout() does not exist",
    ]


def test_loss_is_written_before_the_question(confirm: Confirm) -> None:
    written = confirm("two_steps", None)

    assert written == [
        "To be rolled back, in this order:",
        "  two_steps.0002_touch",
        "  house.0001_initial",
        "  two_steps.0001_initial",
        "To be lost: 2 rows in 1 table",
        "  table    two_steps_messages                                             2 rows",
        "  1 table with nothing in it",
        "Known from a trial run on this database, which was rolled back.",
    ]


def test_nothing_to_lose_is_silent(confirm: Confirm) -> None:
    assert confirm("two_steps", "0001_initial", ask=never) == []


def test_migrations_of_other_apps_are_shown_even_when_nothing_is_lost(
    messages: BaseDatabaseWrapper, confirm: Confirm
) -> None:
    execute(messages, "DELETE FROM two_steps_messages")

    written = confirm("two_steps", None, ask=never)

    assert written[:5] == [
        "To be rolled back, in this order:",
        "  two_steps.0002_touch",
        "  house.0001_initial",
        "  two_steps.0001_initial",
        "To be lost: nothing",
    ]


def test_production_is_told_what_it_would_lose(
    messages: BaseDatabaseWrapper, confirm: Confirm, capsys: pytest.CaptureFixture[str]
) -> None:
    written: list[str] = []

    with pytest.raises(ProductionRefusedError):
        confirm_loss(
            messages,
            plan=backwards(messages, "two_steps", None),
            ask=None,
            is_production=True,
            is_forced=False,
            write=written.append,
        )

    assert "To be lost: 2 rows in 1 table" in written[0]
    assert capsys.readouterr().out == ""


def test_way_forwards_is_not_measured(messages: BaseDatabaseWrapper) -> None:
    plan = [(migration, False) for migration, _ in backwards(messages, "two_steps", None)]

    confirm_loss(messages, plan=plan, ask=never, is_production=True, is_forced=False, write=never)


def test_lock_that_was_not_had_is_said_and_asked_about(
    messages: BaseDatabaseWrapper, confirm: Confirm
) -> None:
    with somebody_else(messages) as reader:
        reader.execute("SELECT * FROM two_steps_messages")

        written = confirm("two_steps", "0001_initial", lock_timeout=timedelta(milliseconds=50))
        with pytest.raises(NotConfirmedError):
            confirm(
                "two_steps",
                "0001_initial",
                ask=lambda _: "",
                lock_timeout=timedelta(milliseconds=50),
            )

    assert written[2:] == [
        "To be lost: nothing that can be known",
        "Not known until it is run:",
        "  two_steps.0002_touch: SQL file 0002_touch",
        "Not tried, but read from the migrations:",
        "  two_steps.0002_touch did not get a lock within 0.05 s, because somebody else",
        "    uses the table",
    ]


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (Count(0), "0 rows"),
        (Count(1), "1 row"),
        (Count(1_200_000), "1,200,000 rows"),
        (Count(1_200_000, Precision.ABOUT), "about 1,200,000 rows"),
        (Count(12, Precision.AT_MOST), "up to 12 rows"),
        (Count(0, Precision.UNKNOWN), "unknown rows"),
        (Count(1_000, Precision.UNKNOWN), "over 1,000 rows"),
    ],
)
def test_counts_in_words(count: Count, words: str) -> None:
    assert count_in_words(count, unit="row") == words


def test_table_fits_a_terminal() -> None:
    loss = Loss(
        rollbacks=(("a", "0002_b"), ("a", "0001_a")),
        lost=(
            LossItem(
                kind=EffectKind.TABLE_DROPPED,
                name="messages",
                count=Count(1_200_000, Precision.ABOUT),
            ),
            LossItem(kind=EffectKind.TABLE_DROPPED, name="bans", count=Count(0)),
            LossItem(kind=EffectKind.ROWS_DELETED, name="flags", count=Count(2)),
            LossItem(kind=EffectKind.COLUMN_DROPPED, name="users.bio", count=Count(1)),
            LossItem(
                kind=EffectKind.COLUMN_DROPPED, name=f"{'t' * 63}.{'c' * 63}", count=Count(1_234)
            ),
            LossItem(kind=EffectKind.COLUMN_DROPPED, name="users.gone", count=Count(0)),
        ),
        changed=(
            LossItem(
                kind=EffectKind.COLUMN_RETYPED,
                name="users.color",
                count=Count(7),
                detail="bigint to integer",
            ),
            LossItem(kind=EffectKind.ROWS_UPDATED, name="users", count=Count(5)),
        ),
        definitions=("view one", "view two"),
        not_tried=("a.0002_b runs outside of a transaction (atomic = False)",),
        unknown=("a.0001_a: Raw SQL operation",),
    )

    lines = loss_table(loss).splitlines()

    assert lines == [
        "To be lost: about 1,200,002 rows in 2 tables, 1,235 values in 2 columns",
        "  table    messages                                         about 1,200,000 rows",
        "  deleted  flags                                                          2 rows",
        "  column   users.bio                                                     1 value",
        f"  column   {'t' * 27}…{'c' * 27}  1,234 values",
        "  1 table and 1 column with nothing in them",
        "May have other values afterwards:",
        "  column   users.color, bigint to integer                               7 values",
        "  updated  users                                                          5 rows",
        "Not known until it is run:",
        "  a.0001_a: Raw SQL operation",
        "Dropped too, without data of their own: view one, view two",
        "Not tried, but read from the migrations:",
        "  a.0002_b runs outside of a transaction (atomic = False)",
    ]
    assert max(map(len, lines)) == 80
    assert rollback_table(loss) == ("To be rolled back, in this order:\n  a.0002_b\n  a.0001_a")
    assert not re.search(r"\s$", loss_table(loss), re.MULTILINE)
