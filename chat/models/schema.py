"""The permission to look at the schema; no table."""

from django.db import models


class Schema(models.Model):
    """The schema as a whole: its migrations, its ledger, its drift, its sizes. Never queried.

    It is a model because Django's permissions belong to models, and the ledger is none, so that no
    flush empties it.
    """

    class Meta:
        managed = False
        default_permissions = ()
        permissions = [("view_schema", "Can look at the schema, its ledger and its sizes")]

    def __str__(self) -> str:
        return "schema"
