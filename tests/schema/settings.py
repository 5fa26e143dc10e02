"""Settings for processes of the schema's tests: the commands, and the situations asked for.

SITUATIONS names them, with commas between; a name with a dot in it is an app from elsewhere.
"""

import os

SECRET_KEY = "for tests only"
DEBUG = False
MIGRATIONS_PRODUCTION = os.environ.get("SITUATION_MELO_ENV") == "production"
FORCE_RESET = os.environ.get("SITUATION_FORCE_RESET") == "1"
FORCE_ROLLBACK = os.environ.get("SITUATION_FORCE_ROLLBACK") == "1"

_SITUATIONS = [name for name in os.environ["SITUATIONS"].split(",") if name]
INSTALLED_APPS = [
    "chat.schema",
    *(name if "." in name else f"situations.{name}" for name in _SITUATIONS),
]

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": os.environ["SITUATION_DB_HOST"],
        "PORT": os.environ["SITUATION_DB_PORT"],
        "USER": os.environ["SITUATION_DB_USER"],
        "PASSWORD": os.environ["SITUATION_DB_PASSWORD"],
        "NAME": os.environ["SITUATION_DB_NAME"],
    },
}
# Beside it, for situations in which there are several.
_ARCHIVE = os.environ.get("SITUATION_DB_ARCHIVE") or f"{DATABASES['default']['NAME']}_archive"
DATABASES["archive"] = DATABASES["default"] | {"NAME": _ARCHIVE}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
