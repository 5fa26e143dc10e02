"""Catalogues as the JSON in which the ledger keeps them."""

import json
from functools import partial

from psycopg.types.json import Jsonb

from chat.schema.catalogue.objects import Catalogue, CatalogueObject, ObjectKind


def to_stored(catalogue: Catalogue) -> Jsonb:
    """Return a catalogue as the ledger keeps it: an array with an array for each object."""
    return Jsonb(
        [[obj.kind, obj.name, obj.definition, obj.table, obj.position] for obj in catalogue],
        # An escape has no meaning in SQL_ASCII, which takes the bytes as they come.
        dumps=partial(json.dumps, ensure_ascii=False),
    )


def from_stored(stored: str) -> Catalogue:
    """Return the catalogue that the ledger keeps as `stored`."""
    # A string: Django's connections leave it to fields to read JSON.
    return Catalogue(
        tuple(
            CatalogueObject(
                kind=ObjectKind(kind),
                name=name,
                definition=definition,
                table=table,
                position=position,
            )
            for kind, name, definition, table, position in json.loads(stored)
        )
    )
