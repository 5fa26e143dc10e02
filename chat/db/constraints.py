"""CompositeForeignKey: a foreign key over several columns, which Django cannot declare.

The database checks the tenant by it: a row names its server and its channel together, and the pair
must exist. Each ForeignKey of the ORM has one of these in Meta.constraints; the autodetector adds,
alters and removes it like a CheckConstraint.
"""

from collections.abc import Callable, Collection, Sequence
from enum import Enum
from typing import Any, cast

from django.core import checks
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import DEFAULT_DB_ALIAS
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.backends.ddl_references import Columns, Statement, Table
from django.db.models import BaseConstraint, Deferrable, Model, UniqueConstraint


class OnDelete(Enum):
    """What the database does to a row whose parent is deleted."""

    NO_ACTION = "NO ACTION"
    RESTRICT = "RESTRICT"
    CASCADE = "CASCADE"


class CompositeForeignKey(BaseConstraint):
    """A foreign key over several columns, checked by the database.

    `fields` of this model point at `to_fields` of the model `to` ("app.Model", or "self"), which a
    primary key or a UniqueConstraint must cover. One field is allowed too: ForeignKey itself can
    neither be NOT DEFERRABLE nor cascade in the database. As SQL has it, a row with a NULL among
    `fields` is not checked (MATCH SIMPLE).

    The autodetector does not know that the key needs the unique key it points at: where one run of
    makemigrations adds, renames or removes both, look at the order of the operations.
    """

    _TEMPLATE = (
        "ALTER TABLE %(table)s ADD CONSTRAINT %(name)s FOREIGN KEY (%(columns)s) "
        "REFERENCES %(to_table)s (%(to_columns)s) ON DELETE %(on_delete)s%(deferrable)s"
    )

    def __init__(
        self,
        *,
        name: str,
        fields: Sequence[str],
        to: str,
        to_fields: Sequence[str],
        on_delete: OnDelete = OnDelete.NO_ACTION,
        deferrable: Deferrable | None = None,
        violation_error_code: str | None = None,
        violation_error_message: str | None = None,
    ) -> None:
        if not fields or len(fields) != len(to_fields):
            raise ValueError(
                f"{name}: 'fields' and 'to_fields' must name the same number of fields, at least "
                f"one; got {list(fields)} and {list(to_fields)}."
            )
        self.fields = tuple(fields)
        self.to = to
        self.to_fields = tuple(to_fields)
        self.on_delete = on_delete
        self.deferrable = deferrable
        super().__init__(
            name=name,
            violation_error_code=violation_error_code,
            violation_error_message=violation_error_message,
        )

    def __repr__(self) -> str:
        return (
            f"<{self.__class__.__qualname__}: {self.name} {self.fields} -> "
            f"{self.to}{self.to_fields} on_delete={self.on_delete.name}"
            f"{'' if self.deferrable is None else f' deferrable={self.deferrable.name}'}>"
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, CompositeForeignKey):
            return NotImplemented
        return self.deconstruct() == other.deconstruct()

    def __hash__(self) -> int:
        return hash((self.name, self.fields, self.to, self.to_fields))

    def deconstruct(self) -> tuple[str, Sequence[Any], dict[str, Any]]:
        """Return what a migration writes down."""
        path, args, kwargs = super().deconstruct()
        kwargs |= {"fields": self.fields, "to": self.to, "to_fields": self.to_fields}
        if self.on_delete is not OnDelete.NO_ACTION:
            kwargs["on_delete"] = self.on_delete
        if self.deferrable is not None:
            kwargs["deferrable"] = self.deferrable
        return path, args, kwargs

    def target(self, model: type[Model]) -> type[Model]:
        """Return the model pointed at, from the same registry as `model`."""
        if self.to == "self":
            return model
        return cast("type[Model]", model._meta.apps.get_model(self.to))

    # -- SQL ---------------------------------------------------------------------------------

    # The stubs give these three a None that Django never passes, and no Statement to return.

    def constraint_sql(  # type: ignore[override]
        self, model: type[Model], schema_editor: BaseDatabaseSchemaEditor
    ) -> str:
        """Defer the constraint to the end of the migration, when every table exists."""
        schema_editor.deferred_sql.append(self._add_statement(model, schema_editor))
        return ""

    def create_sql(  # type: ignore[override]
        self, model: type[Model], schema_editor: BaseDatabaseSchemaEditor
    ) -> "Statement | _AtTheEnd":
        """Return the ALTER TABLE that adds the constraint.

        PostgreSQL needs the unique key of the target first, which Django may have deferred to the
        end of the migration: if it is pending, it is created now.
        """
        statement = self._add_statement(model, schema_editor)
        if isinstance(statement, Statement):
            target = self.target(model)
            if target._meta.db_table != model._meta.db_table:
                _create_pending_unique_keys(target._meta.db_table, schema_editor)
        return statement

    def remove_sql(  # type: ignore[override]
        self, model: type[Model], schema_editor: BaseDatabaseSchemaEditor
    ) -> Statement:
        """Return the ALTER TABLE that drops the constraint."""
        return Statement(
            schema_editor.sql_delete_fk,
            table=Table(model._meta.db_table, schema_editor.quote_name),
            name=schema_editor.quote_name(self.name),
        )

    def _add_statement(
        self, model: type[Model], schema_editor: BaseDatabaseSchemaEditor
    ) -> "Statement | _AtTheEnd":
        quote = schema_editor.quote_name
        try:
            target = self.target(model)
        except LookupError:
            # It comes later in this migration; the registry of the state will have it.
            return _AtTheEnd(lambda: self._add_statement(model, schema_editor))
        return Statement(
            self._TEMPLATE,
            table=Table(model._meta.db_table, quote),
            name=quote(self.name),
            columns=Columns(model._meta.db_table, _columns(model, self.fields), quote),
            to_table=Table(target._meta.db_table, quote),
            to_columns=Columns(target._meta.db_table, _columns(target, self.to_fields), quote),
            on_delete=self.on_delete.value,
            deferrable=f" DEFERRABLE INITIALLY {self.deferrable.name}" if self.deferrable else "",
        )

    # -- Python ------------------------------------------------------------------------------

    def validate(
        self,
        model: type[Model],
        instance: Model,
        exclude: Collection[str] | None = None,
        using: str = DEFAULT_DB_ALIAS,
    ) -> None:
        """Look for the parent row, for full_clean() of a form; the database checks it again.

        One statement, none when a column is NULL or excluded.
        """
        if exclude and not set(exclude).isdisjoint(self.fields):
            return
        values = [getattr(instance, attname) for attname in _attnames(model, self.fields)]
        if any(value is None for value in values):
            return
        target = self.target(model)
        wanted = dict(zip(_attnames(target, self.to_fields), values, strict=True))
        if not target._base_manager.using(using).filter(**wanted).exists():
            raise ValidationError(
                self.get_violation_error_message(), code=self.violation_error_code
            )

    def _check(
        self, model: type[Model], connection: BaseDatabaseWrapper
    ) -> list[checks.CheckMessage]:
        errors = list(model._check_local_fields(self.fields, "constraints"))  # type: ignore[attr-defined]
        try:
            target = self.target(model)
            for field in self.to_fields:
                target._meta.get_field(field)
        except (LookupError, FieldDoesNotExist) as exc:
            errors.append(
                checks.Error(f"'{self.name}' points at nothing: {exc}", obj=model, id="chat.E002")
            )
            return errors
        if not _has_unique_key(target, self.to_fields):
            errors.append(
                checks.Error(
                    f"'{self.name}' points at {target._meta.label} ({', '.join(self.to_fields)}), "
                    "which no unique key covers.",
                    hint=f"Add a UniqueConstraint over these fields to {target._meta.label}.",
                    obj=model,
                    id="chat.E003",
                )
            )
        return errors


def foreign_key(
    table: str, field: str, *, to: str, on_delete: OnDelete = OnDelete.NO_ACTION
) -> CompositeForeignKey:
    """Return the key from one field to one field `to` ("app.Model.field"): <table>_<field>_fk."""
    model, to_field = to.rsplit(".", 1)
    return CompositeForeignKey(
        name=f"{table}_{field}_fk",
        fields=[field],
        to=model,
        to_fields=[to_field],
        on_delete=on_delete,
    )


def tenant_key(
    table: str,
    field: str,
    *,
    to: str,
    space: str = "space_id",
    to_space: str = "space_id",
    on_delete: OnDelete = OnDelete.CASCADE,
) -> CompositeForeignKey:
    """Return the key from one field to one of the same tenant: <table>_<field>_fk.

    `space` is the tenant's field in this model, `to_space` in that of `to` ("app.Model.field").
    """
    model, to_field = to.rsplit(".", 1)
    return CompositeForeignKey(
        name=f"{table}_{field}_fk",
        fields=[space, field],
        to=model,
        to_fields=[to_space, to_field],
        on_delete=on_delete,
    )


class _AtTheEnd:
    """A statement whose SQL is made when it is run."""

    def __init__(self, word: Callable[[], "Statement | _AtTheEnd"]) -> None:
        self._word = word

    def __str__(self) -> str:
        return str(self._word())


def _columns(model: type[Model], fields: Sequence[str]) -> list[str]:
    return [cast("str", model._meta.get_field(field).column) for field in fields]  # type: ignore[union-attr]


def _attnames(model: type[Model], fields: Sequence[str]) -> list[str]:
    return [model._meta.get_field(field).attname for field in fields]  # type: ignore[union-attr]


def _has_unique_key(model: type[Model], fields: Sequence[str]) -> bool:
    if {field.name for field in model._meta.pk_fields} == set(fields):
        return True
    if len(fields) == 1:
        field = model._meta.get_field(fields[0])
        if getattr(field, "unique", False):
            return True
    return any(
        set(constraint.fields) == set(fields)
        for constraint in model._meta.constraints
        if isinstance(constraint, UniqueConstraint)
        and constraint.condition is None
        and constraint.deferrable is None
    )


def _create_pending_unique_keys(table: str, schema_editor: BaseDatabaseSchemaEditor) -> None:
    pending = [
        statement
        for statement in schema_editor.deferred_sql
        if isinstance(statement, Statement)
        and statement.template == schema_editor.sql_create_unique
        and statement.references_table(table)
    ]
    for statement in pending:
        schema_editor.deferred_sql.remove(statement)
        schema_editor.execute(statement, params=None)
