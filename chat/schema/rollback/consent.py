"""Whether a rollback may begin: measured, shown, and asked about."""

from collections.abc import Callable
from datetime import timedelta

from django.db.backends.base.base import BaseDatabaseWrapper

from chat.schema.errors import RefusedError
from chat.schema.guards import ProductionRefusedError, how_to_set
from chat.schema.rollback.loss import LOCK_TIMEOUT, Loss, measure_loss
from chat.schema.rollback.report import loss_table, rollback_table
from chat.schema.run.gates import Plan


class NotConfirmedError(RefusedError):
    """Not confirmed; nothing was changed."""


FORCE_SETTING = "FORCE_ROLLBACK"
# A refusal must not have stopped the readers before.
_NOT_TRIED = f"without {FORCE_SETTING}=1 it is refused, so nothing is locked for it"
QUESTION = "Type yes to roll back: "


class RollbackWouldFailError(RefusedError):
    """The rollback would fail half way; nothing was changed."""

    def __init__(self, failure: str) -> None:
        self.failure = failure
        super().__init__(
            seen=f"Its trial run failed at {failure}",
            next_step=(
                f"Remove the cause. With {how_to_set(FORCE_SETTING)} it is tried all the same, and "
                "stops where it fails: what comes before that is undone by then."
            ),
        )


def confirm_loss(
    connection: BaseDatabaseWrapper,
    *,
    plan: Plan,
    ask: Callable[[str], str] | None,
    is_production: bool,
    is_forced: bool,
    write: Callable[[str], object],
    lock_timeout: timedelta = LOCK_TIMEOUT,
) -> None:
    """Show what a plan would lose, ask if necessary, and return if it may be carried out.

    To be called with the migration lock held, before the first migration is unapplied. A plan that
    goes forwards returns at once. `ask` puts a question on the terminal and returns the answer; it
    is None when there is no terminal or nobody is to be asked. `write` gets whole lines.
    In production, unless it is forced, the plan is not tried, and nobody is locked out.

    Raises:
        RollbackWouldFailError: its trial run failed, and it is not forced.
        ProductionRefusedError: this is production, and it is not forced.
        NotConfirmedError: the answer was not yes.
        TrialSessionLostError: the session is gone, and with it every lock that it held.
    """
    if not any(is_backwards for _, is_backwards in plan):
        return
    loss = measure_loss(
        connection,
        plan=plan,
        untried_because=_NOT_TRIED if is_production and not is_forced else "",
        lock_timeout=lock_timeout,
    )
    if is_worth_showing(loss) or is_production:
        write(f"{rollback_table(loss)}\n{loss_table(loss)}")
    require_consent(loss, ask=ask, is_production=is_production, is_forced=is_forced)


def is_worth_showing(loss: Loss) -> bool:
    """Return whether the loss tells more than was asked for: data, or migrations of other apps."""
    return not loss.is_nothing or len({app for app, _ in loss.rollbacks}) > 1


def require_consent(
    loss: Loss, *, ask: Callable[[str], str] | None, is_production: bool, is_forced: bool
) -> None:
    """Raise unless the rollback may begin; see `confirm_loss`. Reads no database."""
    if not is_forced:
        if loss.failure is not None:
            raise RollbackWouldFailError(loss.failure)
        if is_production:
            raise _production_refuses(loss)
    if loss.is_nothing or ask is None:
        return
    try:
        answer = ask(QUESTION).strip()
    except (EOFError, KeyboardInterrupt):
        answer = ""
    if answer.lower() != "yes":
        raise NotConfirmedError(
            seen=f"Expected 'yes', got {answer!r}.",
            next_step="Run it again if this is the rollback that you mean.",
        )


def _production_refuses(loss: Loss) -> ProductionRefusedError:
    steps = len(loss.rollbacks)
    risk = "No data would be lost." if loss.is_nothing else "What is listed above will be lost."
    if loss.unknown:
        risk = "What is listed above will be lost, and what is not known may be."
    return ProductionRefusedError(
        action=f"{steps} migration{'s' if steps != 1 else ''} would be undone",
        override=FORCE_SETTING,
        risk=risk,
    )
