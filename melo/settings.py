"""Django's settings for MELO; what varies comes from `melo.environment`."""

from pathlib import Path

from django.templatetags.static import static

from melo.environment import read_environment

BASE_DIR = Path(__file__).resolve().parent.parent
ENVIRONMENT = read_environment(base_dir=BASE_DIR)

IS_PRODUCTION = ENVIRONMENT.is_production
MELO_ENV = "production" if IS_PRODUCTION else "development"
FORCE_RESET = ENVIRONMENT.is_reset_forced
FORCE_ROLLBACK = ENVIRONMENT.is_rollback_forced

SECRET_KEY = ENVIRONMENT.secret_key
DEBUG = ENVIRONMENT.is_debug
ALLOWED_HOSTS = list(ENVIRONMENT.allowed_hosts)
CSRF_TRUSTED_ORIGINS = list(ENVIRONMENT.csrf_trusted_origins)

INSTALLED_APPS = [
    # First, so that its commands win over Django's of the same name.
    "chat",
    "melo",
    # Before the admin whose templates it replaces.
    "unfold.apps.BasicAppConfig",
    "chat.apps.ChatAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]
MIDDLEWARE = [
    # In front of what looks at the host and redirects to HTTPS.
    "melo.probes.ProbeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
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
DATABASES = {
    "default": ENVIRONMENT.database.as_django_setting(
        keep_connections_seconds=600 if IS_PRODUCTION else 0
    )
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "chat.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

# Over plain HTTP, as in development, a browser would never send a secure cookie back.
SESSION_COOKIE_SECURE = IS_PRODUCTION
CSRF_COOKIE_SECURE = IS_PRODUCTION
SECURE_SSL_REDIRECT = IS_PRODUCTION
SECURE_HSTS_SECONDS = 365 * 24 * 60 * 60 if IS_PRODUCTION else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = IS_PRODUCTION
SECURE_HSTS_PRELOAD = IS_PRODUCTION
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"
# Only on request: without a proxy that sets the header, any client could claim to use HTTPS.
SECURE_PROXY_SSL_HEADER = (
    ("HTTP_X_FORWARDED_PROTO", "https") if ENVIRONMENT.is_behind_https_proxy else None
)

LANGUAGE_CODE = "en-us"
USE_TZ = True
TIME_ZONE = "UTC"

# How the admin looks; what stands in its sidebar is told by chat.admin.sidebar.
UNFOLD = {
    "SITE_TITLE": "MELO",
    "SITE_HEADER": "MELO",
    "SITE_SUBHEADER": "What is in the database",
    "SITE_SYMBOL": "anchor",
    "SHOW_VIEW_ON_SITE": False,
    "STYLES": [lambda _: static("chat/admin.css")],
    "SIDEBAR": {"navigation": "chat.admin.sidebar.sidebar"},
}

DEFAULT_EXCEPTION_REPORTER_FILTER = "melo.debugging.ReporterFilter"

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
