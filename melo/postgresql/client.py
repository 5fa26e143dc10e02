"""`manage.py dbshell`."""

from collections.abc import Iterable
from typing import Any

from django.db.backends.postgresql import client

from melo.embedded.binaries import installed_binaries
from melo.embedded.server import embedded_server


class DatabaseClient(client.DatabaseClient):
    """Runs psql: the system's, or for the embedded server its own."""

    @classmethod
    def settings_to_cmd_args_env(
        cls, settings_dict: dict[str, Any], parameters: Iterable[str]
    ) -> tuple[list[str], dict[str, str] | None]:
        """Return psql's arguments and environment, having started the embedded server."""
        data_dir = settings_dict.get("EMBEDDED_DIR")
        if data_dir is None:
            return super().settings_to_cmd_args_env(settings_dict, parameters)
        endpoint = embedded_server(data_dir).ensure_running()
        here = {"HOST": str(endpoint.socket_dir), "PORT": endpoint.port, "USER": endpoint.user}
        arguments, env = super().settings_to_cmd_args_env(settings_dict | here, parameters)
        return [str(installed_binaries().program("psql")), *arguments[1:]], env

    def runshell(self, parameters: Iterable[str]) -> None:
        """Run psql; connect once before, which creates an embedded database and explains errors."""
        self.connection.ensure_connection()
        self.connection.close()
        super().runshell(parameters)
