"""`manage.py …` run within this process: the same path, without the second that a start takes.

A run gets what a process of its own would have: streams, environment, settings, apps, checks,
connections, and migrations read from their files. Afterwards all of it is as it was. What it
cannot show is what needs a process: a kill, a terminal, two runs at once, the output of another
program.
"""

import io
import os
import signal
import subprocess
import sys
import threading
import traceback
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from asgiref.local import Local
from django.apps import apps
from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.core import mail
from django.core.checks.registry import registry
from django.core.signals import setting_changed
from django.db import connections
from django.db.models.signals import post_migrate, pre_migrate
from django.utils.functional import empty

import manage

# The admin too: what it imports keeps the settings that it sees first.
import melo.urls  # noqa: F401


def run_in_process(
    *arguments: str,
    environ: Mapping[str, str],
    input: str = "",  # noqa: A002 — subprocess.run's
) -> subprocess.CompletedProcess[str]:
    """Run `manage.py` with these arguments, in this environment, to its end."""
    argv = ["manage.py", *arguments]
    stdout, stderr = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", argv)
        patch.setattr(sys, "stdin", io.StringIO(input))
        patch.setattr(sys, "stdout", stdout)
        patch.setattr(sys, "stderr", stderr)
        with _environment(environ), _fresh_modules(environ), _fresh_django():
            returncode = _exit_code(argv)
    return subprocess.CompletedProcess(argv, returncode, stdout.getvalue(), stderr.getvalue())


def _exit_code(argv: list[str]) -> int:
    try:
        manage.main(argv)
    except SystemExit as ended:
        if ended.code is None or isinstance(ended.code, int):
            return ended.code or 0
        sys.stderr.write(f"{ended.code}\n")
        return 1
    except Exception:
        traceback.print_exc()
        return 1
    return 0


@contextmanager
def _environment(environ: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    os.environ.clear()
    # As wide as a process without a terminal takes it to be.
    os.environ.update({"COLUMNS": "80", **environ})
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(Path(manage.__file__).parent)
        patch.setattr(threading, "excepthook", threading.excepthook)
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)
            for number, handler in handlers.items():
                signal.signal(number, handler)


@contextmanager
def _fresh_modules(environ: Mapping[str, str]) -> Iterator[None]:
    """Import the settings and what is on PYTHONPATH anew, and forget it again."""
    folders = [path for path in environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    own = {path.stem for folder in folders for path in Path(folder).iterdir()}
    own.add(environ["DJANGO_SETTINGS_MODULE"])

    def take() -> dict[str, object]:
        names = [
            name
            for name in sys.modules
            if any(name == each or name.startswith(f"{each}.") for each in own)
        ]
        return {name: sys.modules.pop(name) for name in names}

    with pytest.MonkeyPatch.context() as patch:
        # Files are edited between runs, and compiled ones are told apart by the second.
        patch.setattr(sys, "dont_write_bytecode", True)
        for folder in folders:
            patch.syspath_prepend(folder)
        before = take()
        try:
            yield
        finally:
            take()
            sys.modules.update(before)  # type: ignore[arg-type]


@contextmanager
def _fresh_django() -> Iterator[None]:
    """Let Django begin as in a new process: settings, apps, commands, connections."""
    is_own = os.environ["DJANGO_SETTINGS_MODULE"] == settings.SETTINGS_MODULE
    with pytest.MonkeyPatch.context() as patch:
        # Its handlers would write to streams that are gone when the run is over.
        patch.setattr("django.utils.log.configure_logging", lambda *_: None)
        # There it is no test that runs.
        patch.delattr(mail, "outbox", raising=False)
        patch.setattr(connections, "_connections", Local(connections.thread_critical))
        patch.setattr(connections, "_settings", None)
        patch.delitem(connections.__dict__, "settings")
        if not is_own:
            # Of other apps than the project's, which say theirs when they are ready.
            of_django = {
                check
                for check in registry.registered_checks
                if check.__module__.startswith("django.core.checks")
            }
            patch.setattr(registry, "registered_checks", of_django)
            patch.setattr(pre_migrate, "receivers", [])
            patch.setattr(post_migrate, "receivers", [])
        patch.setattr(settings, "_wrapped", empty)
        # Models of an app that is imported anew would be taken for others of the same name.
        models = {label: dict(models) for label, models in apps.all_models.items()}
        patch.setattr(apps, "all_models", defaultdict(dict, models))
        apps.stored_app_configs.append(apps.app_configs)
        apps.app_configs = {}
        _forget()
        try:
            yield
        finally:
            # Where the settings could not be read, nothing was opened.
            if "settings" in connections.__dict__:
                connections.close_all()
            _forget()
            patch.undo()
            apps.unset_installed_apps()


def _forget() -> None:
    apps.apps_ready = apps.models_ready = apps.loading = apps.ready = False
    apps.clear_cache()
    # Whoever keeps something of the apps forgets it: commands, templates, finders.
    setting_changed.send(sender=None, setting="INSTALLED_APPS", value=None, enter=True)
    ContentType.objects.clear_cache()
