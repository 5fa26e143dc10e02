"""Django's settings for MELO; what varies comes from `melo.environment.reading`."""

from datetime import timedelta
from pathlib import Path

from django.templatetags.static import static

from melo.content_policy import DIRECTIVES
from melo.environment.reading import read_environment

BASE_DIR = Path(__file__).resolve().parent.parent
ENVIRONMENT = read_environment(base_dir=BASE_DIR)

IS_PRODUCTION = ENVIRONMENT.is_production
# Of chat.schema: what may destroy data needs the other two there.
MIGRATIONS_PRODUCTION = IS_PRODUCTION
FORCE_RESET = ENVIRONMENT.is_reset_forced
FORCE_ROLLBACK = ENVIRONMENT.is_rollback_forced

SECRET_KEY = ENVIRONMENT.secret_key
DEBUG = ENVIRONMENT.is_debug
ALLOWED_HOSTS = list(ENVIRONMENT.allowed_hosts)
CSRF_TRUSTED_ORIGINS = list(ENVIRONMENT.csrf_trusted_origins)

INSTALLED_APPS = [
    # First, so that its commands win over Django's of the same name.
    "chat.schema",
    "chat",
    "melo",
    # Before the admin whose templates it replaces.
    "unfold.apps.BasicAppConfig",
    "chat.apps.ChatAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "melo.apps.PostgresConfig",
    "django.contrib.staticfiles",
    "axes",
    "csp",
]
MIDDLEWARE = [
    # In front of what looks at the host and redirects to HTTPS.
    "melo.probes.ProbeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "melo.content_policy.ContentPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    # Last: it makes a failed log-in the page that says when to try again.
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "melo.urls"
WSGI_APPLICATION = "melo.wsgi.application"
ASGI_APPLICATION = "melo.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# runserver answers each request in a new thread, where a kept connection would only pile up.
_KEEP_SECONDS = 600 if IS_PRODUCTION else 0
DATABASES = {
    "default": ENVIRONMENT.database.as_django_setting(
        keep_connections_seconds=_KEEP_SECONDS, pool_size=ENVIRONMENT.pool_size
    )
    # Without it the triggers that keep histories would refuse `flush` and the tests' own.
    | {"FLUSH_SETTING": "chat.purge"}
}
# Of chat.replicas: the aliases of the replicas, and how many seconds one may be behind.
REPLICAS = [f"replica_{number}" for number, _ in enumerate(ENVIRONMENT.replicas, start=1)]
REPLICA_MAX_LAG = ENVIRONMENT.replica_max_lag
for _alias, _replica in zip(REPLICAS, ENVIRONMENT.replicas, strict=True):
    DATABASES[_alias] = _replica.as_django_setting(
        keep_connections_seconds=_KEEP_SECONDS, pool_size=ENVIRONMENT.pool_size
    ) | {"TEST": {"MIRROR": "default"}}
if REPLICAS:
    DATABASE_ROUTERS = ["chat.replicas.Router"]
    # First, so that what other middleware reads and writes is of the request.
    MIDDLEWARE.insert(0, "chat.replicas.middleware")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "chat.User"
AUTHENTICATION_BACKENDS = [
    "melo.login.ThrottlingBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"

# Log-ins are throttled, as melo.login says; only failures are kept, for as long as they count.
IS_BEHIND_PROXY = ENVIRONMENT.is_behind_https_proxy
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_CLIENT_IP_CALLABLE = "melo.login.client_address"
AXES_USERNAME_CALLABLE = "melo.login.client_name"
AXES_LOCKOUT_CALLABLE = "melo.login.locked_out"
# Otherwise the moment that somebody was told to wait for would move away with each attempt.
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_RESET_ON_SUCCESS = True
AXES_DISABLE_ACCESS_LOG = True
AXES_SENSITIVE_PARAMETERS = ["username", "ip_address", "csrfmiddlewaretoken"]
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False

# Over plain HTTP, as in development, a browser would never send a secure cookie back.
SESSION_COOKIE_SECURE = IS_PRODUCTION
CSRF_COOKIE_SECURE = IS_PRODUCTION
# A working day: who comes back tomorrow logs in again.
SESSION_COOKIE_AGE = 12 * 60 * 60
SECURE_SSL_REDIRECT = IS_PRODUCTION
SECURE_HSTS_SECONDS = 365 * 24 * 60 * 60 if IS_PRODUCTION else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = IS_PRODUCTION
SECURE_HSTS_PRELOAD = IS_PRODUCTION
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"
# Only on request: without a proxy that sets the header, any client could claim to use HTTPS.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if IS_BEHIND_PROXY else None
CONTENT_SECURITY_POLICY = {"DIRECTIVES": DIRECTIVES}

LANGUAGE_CODE = "en-us"
USE_TZ = True
TIME_ZONE = "UTC"
# Moments as they are written in logs, to the second.
FORMAT_MODULE_PATH = ["melo.formats"]

# How the admin looks; its sidebar comes from chat.admin.pages.sidebar.
UNFOLD = {
    "SITE_TITLE": "MELO",
    "SITE_HEADER": "MELO",
    "SITE_SUBHEADER": "What is in the database",
    "SITE_SYMBOL": "anchor",
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda _: static("chat/icon.svg")}
    ],
    "SHOW_VIEW_ON_SITE": False,
    "STYLES": [lambda _: static("chat/admin.css")],
    "DASHBOARD_CALLBACK": "chat.admin.pages.dashboard.dashboard",
    "SIDEBAR": {"navigation": "chat.admin.pages.sidebar.sidebar"},
}

DEFAULT_EXCEPTION_REPORTER_FILTER = "melo.debugging.ReporterFilter"

STATIC_URL = "static/"
STATIC_ROOT = ENVIRONMENT.static_root
# In production what collectstatic has collected, under names that change with the contents;
# elsewhere the files where they are.
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": (
            "whitenoise.storage.CompressedManifestStaticFilesStorage"
            if IS_PRODUCTION
            else "django.contrib.staticfiles.storage.StaticFilesStorage"
        )
    },
}
WHITENOISE_USE_FINDERS = not IS_PRODUCTION
WHITENOISE_AUTOREFRESH = not IS_PRODUCTION
WHITENOISE_ALLOW_ALL_ORIGINS = False

# Django's own logging writes to the terminal only while debugging, and else to mail alone.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"] if IS_PRODUCTION else [], "level": "WARNING"},
}
