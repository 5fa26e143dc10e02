"""What became of a catalogue, as values: enough to make the next one of the one before.

Within a long run that is what the ledger keeps of most migrations, since it is short.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from chat.schema.catalogue.objects import Catalogue, CatalogueObject, ObjectKind


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueChanges:
    """The objects that are new or otherwise than before, and the keys of those that are gone."""

    put: tuple[CatalogueObject, ...] = ()
    gone: tuple[tuple[ObjectKind, str], ...] = ()


def changes(before: Catalogue, after: Catalogue) -> CatalogueChanges:
    """Return what makes `after` of `before`."""
    if before is after:
        return CatalogueChanges()
    old, new = before.by_key(), after.by_key()
    return CatalogueChanges(
        put=tuple(thing for key, thing in new.items() if not _is_the_same(old.get(key), thing)),
        gone=tuple(key for key in old if key not in new),
    )


def changed(catalogue: Catalogue, steps: Iterable[CatalogueChanges]) -> Catalogue:
    """Return the catalogue after these changes, one after the other."""
    objects = catalogue.by_key()
    for step in steps:
        for key in step.gone:
            del objects[key]
        objects.update({(thing.kind, thing.name): thing for thing in step.put})
    return Catalogue.of(objects.values())


def _is_the_same(one: CatalogueObject | None, other: CatalogueObject) -> bool:
    """Return whether they agree in everything, also in what is known and not compared."""
    return one is other or (
        one is not None
        and (one.definition, one.table, one.position)
        == (other.definition, other.table, other.position)
    )
