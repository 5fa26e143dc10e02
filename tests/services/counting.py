"""How many SQL statements a call sends, without what begins and ends its transaction.

And without those by which a cluster finds the space first.
"""

from collections.abc import Callable

from django.db import connection
from django.test.utils import CaptureQueriesContext

_FRAME = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE")
_FINDING = ("SELECT space_id FROM ",)


def statements_of(call: Callable[[], object]) -> list[str]:
    """Return the statements that `call` sends, in their order."""
    with CaptureQueriesContext(connection) as captured:
        call()
    sent = [str(query["sql"]) for query in captured.captured_queries]
    return [sql for sql in sent if not sql.startswith(_FRAME + _FINDING)]
