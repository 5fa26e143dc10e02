"""The project's own app configuration: it registers the checks."""

from django.apps import AppConfig
from django.core.checks import Tags, register

from melo.checks import check_database_password, check_unknown_variables


class MeloConfig(AppConfig):
    """The wiring of the project."""

    name = "melo"
    verbose_name = "MELO"

    def ready(self) -> None:
        """Register the checks of this project."""
        register(check_database_password, Tags.security, deploy=True)
        register(check_unknown_variables)


class PostgresConfig(AppConfig):
    """django.contrib.postgres for its fields and indexes, without what it does when it is ready.

    That is lookups that nobody here uses, and two statements on each process's first connection to
    look for hstore and citext.
    """

    name = "django.contrib.postgres"
    default = False
