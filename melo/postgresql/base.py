"""The connection."""

import datetime as dt
import os
import time
from collections.abc import Generator, Mapping
from typing import Any

import psycopg
from django.db.backends.postgresql import base
from django.db.utils import DatabaseErrorWrapper
from django.utils.functional import cached_property

from melo.embedded.errors import EmbeddedServerError
from melo.embedded.server import EmbeddedServer, embedded_server
from melo.postgresql.client import DatabaseClient
from melo.postgresql.creation import create_database
from melo.postgresql.errors import (
    Attempt,
    DatabaseUnavailable,
    Reason,
    too_old,
    unavailable,
    without_values,
)
from melo.postgresql.features import DatabaseFeatures
from melo.postgresql.loaders import with_fast_loaders
from melo.postgresql.operations import DatabaseOperations
from melo.postgresql.schema import DatabaseSchemaEditor
from melo.postgresql.validation import DatabaseValidation

# psycopg's own number: a statement is planned once when it comes for the sixth time.
_PREPARE_THRESHOLD = 5
_MAINTENANCE_DATABASE = "postgres"


class _WholeStatements:
    """A cursor that refuses a statement with a NUL in it.

    libpq takes C strings, so the server would run what stands before the NUL: of a DELETE, say,
    without the condition behind it.
    """

    def _convert_query(self, *args: Any) -> Any:
        converted = super()._convert_query(*args)  # type: ignore[misc]
        position = converted.query.find(b"\0")
        if position >= 0:
            raise psycopg.ProgrammingError(
                f"byte {position} of the statement is NUL (0x00), at which it would be cut off; "
                "nothing was sent"
            )
        return converted


class _Cursor(_WholeStatements, base.ServerBindingCursor):
    pass


class _ClientBindingCursor(_WholeStatements, base.Cursor):
    pass


class _ServerCursor(_WholeStatements, psycopg.ServerCursor[Any]):
    pass


def _answered(waiting: Generator[Any, Any, Any], *, within: float) -> Generator[Any, Any, Any]:
    """Go through the steps in which psycopg waits for an answer; fail after so many silent seconds.

    psycopg wakes up ten times a second even if nothing has come. A server that is frozen keeps its
    connections open, and neither libpq nor the kernel would ever give them up.
    """
    end = time.monotonic() + within
    try:
        step = next(waiting)
        while True:
            ready = yield step
            if ready:
                end = time.monotonic() + within
            elif time.monotonic() > end:
                raise psycopg.OperationalError(f"the server did not answer for {within} seconds")
            step = waiting.send(ready)
    except StopIteration as done:
        return done.value


_WITH_WHOLE_STATEMENTS = {base.ServerBindingCursor: _Cursor, base.Cursor: _ClientBindingCursor}


class _ErrorsWithoutValues(DatabaseErrorWrapper):
    """Django's translation of errors, whose texts end up in logs."""

    def __exit__(self, exc_type: Any, exc_value: Any, traceback: Any) -> None:
        if isinstance(exc_value, psycopg.Error):
            exc_value.args = (without_values(exc_value),)
        super().__exit__(exc_type, exc_value, traceback)


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection to PostgreSQL: Django's, with the additions of this package.

    In `settings.DATABASES`, EMBEDDED_DIR makes it one to the embedded server with its data there,
    VARIABLES names the variables that an error should speak of, and FLUSH_SETTING the setting that
    lets `flush` empty protected tables; a statement that is not answered for ANSWER_SECONDS fails.
    In OPTIONS, `server_side_binding` and `prepare_threshold` are on unless they say otherwise.
    """

    client_class = DatabaseClient
    ops_class = DatabaseOperations
    features_class = DatabaseFeatures
    SchemaEditorClass = DatabaseSchemaEditor
    validation_class = DatabaseValidation

    def __init__(self, settings_dict: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        settings_dict["OPTIONS"].setdefault("server_side_binding", True)
        settings_dict["OPTIONS"].setdefault("prepare_threshold", _PREPARE_THRESHOLD)
        super().__init__(settings_dict, *args, **kwargs)

    @cached_property
    def wrap_database_errors(self) -> DatabaseErrorWrapper:
        """Translate psycopg's errors into Django's, without the values of rows in their texts."""
        return _ErrorsWithoutValues(self)

    @property
    def embedded(self) -> EmbeddedServer | None:
        """The embedded server that this connection leads to, if it does."""
        data_dir = self.settings_dict.get("EMBEDDED_DIR")
        return None if data_dir is None else embedded_server(data_dir)

    def describe(self) -> str:
        """Return one line that names the database; connects if necessary."""
        self.ensure_connection()
        info = self.connection.info
        version = info.parameter_status("server_version").split()[0]
        if self.embedded is not None:
            data_dir = str(self.settings_dict["EMBEDDED_DIR"])
            # As people write it: var/postgres, seen from the project.
            shorter = min(data_dir, os.path.relpath(data_dir), key=len)
            return f"embedded PostgreSQL {version}, database {info.dbname} ({shorter})"
        place = self._attempt(host=info.host, port=str(info.port)).place
        return f"PostgreSQL {version} at {place}, database {info.dbname} as {info.user}"

    def unavailable(self, error: psycopg.Error, params: Mapping[str, Any]) -> DatabaseUnavailable:
        """Return the error to raise when psycopg could not connect with `params`."""
        tried = {
            name: str(params[key])
            for name, key in (("host", "host"), ("port", "port"), ("name", "dbname"))
            if params.get(key)
        }
        return unavailable(str(error), attempt=self._attempt(**tried))

    def create_database(self) -> bool:
        """Create the database that the settings name; return False when it was there already.

        The configured user owns it.

        Raises:
            DatabaseUnavailable: the server cannot be reached, or does not let this user create it.
        """
        params = self.get_connection_params()
        name = params["dbname"]
        params["dbname"] = _MAINTENANCE_DATABASE
        try:
            session = psycopg.connect(**params, autocommit=True)
        except psycopg.Error as error:
            raise self.unavailable(error, params) from error
        with session:
            return create_database(session, name)

    def ensure_connection(self) -> None:
        """Connect if there is no connection, or the one that was there is lost.

        Django only looks for a lost one at the beginning of a request. Within a transaction it
        stays lost: what was done in it is gone, and the caller has to know.
        """
        if self.connection is not None and self.connection.closed and not self.in_atomic_block:
            self.close()
        super().ensure_connection()

    def connect(self) -> None:
        """Connect; close the connection again when it cannot be made ready for use."""
        try:
            super().connect()
        except (DatabaseUnavailable, psycopg.Error):
            self.close()
            raise

    def get_connection_params(self) -> dict[str, Any]:
        """Return the parameters to connect with, having started the embedded server."""
        params: dict[str, Any] = super().get_connection_params()
        if self.embedded is not None:
            try:
                endpoint = self.embedded.ensure_running()
            except EmbeddedServerError as error:
                raise DatabaseUnavailable(str(error), reason=Reason.EMBEDDED) from error
            params["host"] = str(endpoint.socket_dir)
            params["port"] = endpoint.port
        cursor_factory = params["cursor_factory"]
        params["cursor_factory"] = _WITH_WHOLE_STATEMENTS.get(cursor_factory, cursor_factory)
        params["context"] = with_fast_loaders(params["context"], is_utc=self.timezone == dt.UTC)
        return params

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Return a new connection; repair the embedded server once if that fails."""
        try:
            return super().get_new_connection(conn_params)
        except psycopg.Error as error:
            failure = self.unavailable(error, conn_params)
            if self.embedded is None or not self._repair(failure):
                raise failure from error
        try:
            return super().get_new_connection(conn_params)
        except psycopg.Error as error:
            raise self.unavailable(error, conn_params) from error

    def _configure_connection(self, connection: Any) -> bool:
        seconds = self.settings_dict.get("ANSWER_SECONDS")
        if seconds is not None:
            wait = connection.wait
            connection.wait = lambda waiting, *args, **kwargs: wait(
                _answered(waiting, within=seconds), *args, **kwargs
            )
        super()._configure_connection(connection)  # type: ignore[misc]
        connection.server_cursor_factory = _ServerCursor
        # Compiling takes a tenth of a second, and statements here take milliseconds: what makes the
        # planner think otherwise is the number of channels that a reader might have.
        # Whatever PGDATESTYLE or the role says, psycopg reads moments in the form of ISO alone.
        with connection.cursor() as cursor:
            cursor.execute("SET jit = off; SET datestyle = ISO")
        return True

    def check_database_version_supported(self) -> None:
        """Refuse a server that is older than `features.minimum_database_version`."""
        minimum = self.features.minimum_database_version or ()
        if self.get_database_version() < minimum:
            raise too_old(
                found=".".join(map(str, self.get_database_version())),
                minimum=".".join(map(str, minimum)),
                attempt=self._attempt(),
            )

    def _repair(self, failure: DatabaseUnavailable) -> bool:
        if failure.reason is Reason.MISSING_DATABASE:
            self.create_database()
            return True
        if self.embedded is None or failure.reason is Reason.TOO_MANY_CONNECTIONS:
            return False
        try:
            self.embedded.recover()
        except EmbeddedServerError as error:
            raise DatabaseUnavailable(str(error), reason=Reason.EMBEDDED) from error
        return True

    def _attempt(self, **instead: str) -> Attempt:
        settings = self.settings_dict
        tried = {
            "host": str(settings["HOST"] or "the default socket"),
            "port": str(settings["PORT"] or 5432),
            "user": str(settings["USER"] or ""),
            "name": str(settings["NAME"] or "postgres"),
        }
        return Attempt(
            **(tried | instead),
            password=str(settings["PASSWORD"] or ""),
            variables=settings.get("VARIABLES") or "",
            alias=self.alias,
        )
