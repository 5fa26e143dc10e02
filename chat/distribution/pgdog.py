"""Writes where tables belong for PgDog, a proxy for several servers; by its documentation."""

from chat.rules.distribution import REFERENCE, SPREAD

# The columns by which tables are spread here and that PgDog can hash; it cannot hash bytea.
_TYPES = {"space_id": "uuid", "user_id": "uuid"}


def pgdog_tables(*, database: str) -> str:
    """Return the part of pgdog.toml that says where each table belongs."""
    spread = {table: key for table, key in SPREAD.items() if key in _TYPES}
    whole = sorted({*REFERENCE, *SPREAD} - spread.keys())
    lines = ["# Where each table belongs, for pgdog.toml. It was not tried."]
    for table, key in spread.items():
        lines += [
            "",
            "[[sharded_tables]]",
            f'database = "{database}"',
            f'name = "{table}"',
            f'column = "{key}"',
            f'data_type = "{_TYPES[key]}"',
        ]
    lines += [
        "",
        "# On every server alike: what every space refers to, and what is found by bytes, which",
        "# PgDog does not spread. It takes the tables that are not named here for such as well.",
        "[[omnisharded_tables]]",
        f'database = "{database}"',
        "tables = [" + ", ".join(f'"{table}"' for table in whole) + "]",
    ]
    return "\n".join(lines)
