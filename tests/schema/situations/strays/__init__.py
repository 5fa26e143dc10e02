"""A way back that works on another connection than it is given; a test may choose how."""

from typing import Any


def stray(apps: Any) -> None:
    # Without using(), which is to say on `default`.
    apps.get_model("strays", "Ship").objects.all().delete()
