"""Snapshots as the JSON in which the ledger keeps them."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from chat.schema.catalogue.changes import CatalogueChanges
from chat.schema.catalogue.objects import Catalogue, CatalogueObject, ObjectKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The fingerprint of what is there, and the catalogue to keep, if any.

    Both are without the ledger and Django's table. The catalogue is as the migrations left it: what
    was changed past them is in the fingerprint and not in here. Only its changes are enough where
    the row before has it, or the changes that lead there, within the same run.
    """

    fingerprint: str
    catalogue: Catalogue | CatalogueChanges | None


def to_stored(catalogue: Catalogue | CatalogueChanges) -> Any:
    """Return what the ledger keeps of a catalogue, ready for JSON."""
    if isinstance(catalogue, Catalogue):
        return _to_json(catalogue)
    return {"put": _to_json(catalogue.put), "gone": catalogue.gone}


def _to_json(objects: Iterable[CatalogueObject]) -> list[list[str | int | None]]:
    return [
        [thing.kind, thing.name, thing.definition, thing.table, thing.position] for thing in objects
    ]


def from_json(stored: str) -> Catalogue:
    """Return the catalogue that the ledger keeps as `stored`."""
    # A string: Django's connections leave it to fields to read JSON.
    return Catalogue(_objects(json.loads(stored)))


def changes_from_json(stored: str | None) -> list[CatalogueChanges]:
    """Return the changes that the ledger keeps as `stored`, in their order."""
    return [
        CatalogueChanges(
            put=_objects(step["put"]),
            gone=tuple((ObjectKind(kind), name) for kind, name in step["gone"]),
        )
        for step in json.loads(stored or "[]")
    ]


def _objects(rows: Iterable[Any]) -> tuple[CatalogueObject, ...]:
    return tuple(
        CatalogueObject(
            kind=ObjectKind(kind), name=name, definition=definition, table=table, position=position
        )
        for kind, name, definition, table, position in rows
    )
