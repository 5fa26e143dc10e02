"""Migrations as an app: one line in INSTALLED_APPS of any project on PostgreSQL."""

from django.apps import AppConfig


class SchemaConfig(AppConfig):
    """Has commands and no models; it goes before every app that it is to guard."""

    name = "chat.schema"
    label = "schema_migrations"
    verbose_name = "Migrations"
