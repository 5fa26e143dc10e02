"""Numbers of rows in words, where an estimate is called one."""

from django import template

register = template.Library()


@register.filter
def about(rows: int, is_estimate: bool) -> str:  # noqa: FBT001 — a filter takes one argument, by place
    """Return "about 1,200,000 rows" for an estimate, to two digits, and "12 rows" for a count."""
    if is_estimate:
        digits = max(len(str(rows)) - 2, 0)
        rows = round(rows, -digits)
        return f"about {rows:,} rows"
    return f"{rows:,} {'row' if rows == 1 else 'rows'}"
