"""Removing the records of an app that is not installed any more.

Django's --prune is for installed apps only, so a database could stay ahead of the code for ever.
"""

from django.apps import apps
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.recorder import MigrationRecorder

from chat.schema.run.recorder import LedgerRecorder
from chat.schema.session.lock import MigrationLock


def removed_apps(connection: BaseDatabaseWrapper) -> set[str]:
    """Return the apps with applied migrations that are not installed; two statements at most."""
    installed = {config.label for config in apps.get_app_configs()}
    return {app for app, _ in MigrationRecorder(connection).applied_migrations()} - installed


def prune_removed_app(
    connection: BaseDatabaseWrapper, *, app_label: str, lock: MigrationLock
) -> list[str]:
    """Record every migration of an app as not applied, and return their names, in order.

    Their tables stay.
    """
    recorder = LedgerRecorder(connection, lock=lock, on_disk=lambda _: None, checksums={})
    names = sorted(name for app, name in recorder.applied_migrations() if app == app_label)
    for name in names:
        recorder.record_unapplied(app_label, name)
    return names
