"""Drift in sentences: what is known of it, and what to do next."""

from chat.schema.drift.reading import Drift, DriftState, major
from chat.schema.text import command_line


def sentence(drift: Drift) -> str:
    """Return in a sentence what is known of the drift."""
    if drift.migration is None:
        return "The ledger has no snapshot of the schema, so it cannot be known what was changed."
    count = len(drift.differences)
    objects = "1 object differs" if count == 1 else f"{count} objects differ"
    if drift.elsewhere and not drift.differences:
        return (
            "Nothing differs in the schema that has the ledger. But this session makes its tables "
            f"in the schema {drift.elsewhere}, and those that are there were not compared."
        )
    if drift.state is DriftState.UNKNOWN:
        return (
            f"{objects} from the snapshot of {drift.origin}, but a migration without a snapshot of "
            "its own was begun since then: what differs may be its work."
        )
    if drift.state is DriftState.DRIFT:
        return f"{objects} from the snapshot of {drift.origin}."
    if drift.not_compared:
        return f"Nothing that can be compared differs from the snapshot of {drift.origin}."
    return f"Nothing differs from the snapshot of {drift.origin}."


def not_compared_sentence(drift: Drift) -> str | None:
    """Return in a sentence what was not compared, None when everything was."""
    if not drift.is_other_major:
        return None
    begins = (
        f"The snapshot was taken on PostgreSQL {major(drift.taken_on or '')}, this server is "
        f"{major(drift.server_version)}"
    )
    if not drift.not_compared:
        return f"{begins}: all definitions were compared."
    return (
        f"{begins}. These definitions may only be worded differently; this server could not "
        "restate them, so they were not compared:"
    )


def next_step(drift: Drift) -> str:
    """Return in one sentence what the operator does next."""
    if drift.migration is None:
        return (
            "Compare it with a database that was made from the migrations. If they agree, accept "
            f"it as the baseline: {accept_command()}"
        )
    if drift.elsewhere and not drift.differences:
        return (
            "Let the search_path, of the role or in the settings, begin with the schema that has "
            f"django_migrations; or put {drift.elsewhere} out of it."
        )
    if drift.state is DriftState.UNKNOWN:
        return (
            "Wait for the run if it is still going on, else finish it: "
            f"{command_line('migrate')}. Then ask again. {command_line('migration_status')} shows "
            "what was begun."
        )
    if drift.state is DriftState.DRIFT:
        return (
            "Undo each by hand, or keep it: write it as a migration, record it here with "
            f"{command_line('migrate', 'APP', 'NAME', '--fake')}, and accept what is there: "
            f"{accept_command()}"
        )
    if drift.not_compared:
        return (
            "Look at what was not compared. The next migrate or migration_accept --drift takes a "
            "snapshot in this version's words, and then everything can be compared."
        )
    return "Nothing to do."


def accept_command() -> str:
    """Return the command that makes the database as it is the new baseline."""
    return command_line("migration_accept", "--drift", "--reason", "why it stays")
