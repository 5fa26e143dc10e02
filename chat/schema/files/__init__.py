"""SQL files as migrations.

`RunSQLFile` is imported from here: that path is written in migrations that have been applied.
"""

from chat.schema.files.operation import RunSQLFile

__all__ = ["RunSQLFile"]
