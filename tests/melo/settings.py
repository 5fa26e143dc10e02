"""The database of the project without its apps: a process begins in a third of the time."""

from pathlib import Path

from melo.environment.reading import read_environment

_ENVIRONMENT = read_environment(base_dir=Path(__file__).resolve().parents[2])

SECRET_KEY = _ENVIRONMENT.secret_key
DATABASES = {"default": _ENVIRONMENT.database.as_django_setting(keep_connections_seconds=0)}
USE_TZ = True
TIME_ZONE = "UTC"
