"""Exports made for a test: as small as it needs, or as large."""

import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

from django.core.management import call_command

FIRST_ID = 600_000_000_000_000_000
_FIRST = datetime(2019, 7, 14, 14, 50, tzinfo=UTC)


def user(number: int = 1, **fields: Any) -> dict[str, Any]:
    name = f"sailor{number}"
    return {
        "id": str(200_000_000_000_000_000 + number),
        "name": name,
        "discriminator": "0000",
        "nickname": name,
        "color": None,
        "isBot": False,
        "roles": [],
        "avatarUrl": "https://cdn.discordapp.com/embed/avatars/0.png",
        **fields,
    }


def message(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "id": str(FIRST_ID + number),
        "type": "Default",
        "timestamp": (_FIRST + timedelta(seconds=number)).isoformat(),
        "timestampEdited": None,
        "callEndedTimestamp": None,
        "isPinned": False,
        "content": f"message {number}",
        "author": user(number % 50),
        "attachments": [],
        "embeds": [],
        "stickers": [],
        "reactions": [],
        "mentions": [],
        "inlineEmojis": [],
        **fields,
    }


def export(*messages: dict[str, Any], channel: int = 7, **fields: Any) -> dict[str, Any]:
    return {
        "guild": {"id": "81384788765712384", "name": "Harbour", "iconUrl": "x"},
        "channel": {
            "id": str(300_000_000_000_000_000 + channel),
            "type": "GuildTextChat",
            "categoryId": None,
            "category": None,
            "name": f"pier-{channel}",
            "topic": None,
        },
        "dateRange": {"after": None, "before": None},
        "exportedAt": "2024-06-01T10:00:00+00:00",
        "messages": list(messages),
        "messageCount": len(messages),
        **fields,
    }


def thread(path: Path, number: int = 99, *, kind: str = "GuildPublicThread", **fields: Any) -> Path:
    content = export(message(number, author=cook()), channel=number, **fields)
    content["channel"] |= {
        "type": kind,
        "categoryId": "300000000000000007",
        "category": "pier-7",
        "name": "about knots",
    }
    return write(path, content)


def cook() -> dict[str, Any]:
    """A user with a role, whom an import therefore makes a member."""
    return user(
        1, roles=[{"id": "300000000000000001", "name": "Cook", "color": None, "position": 2}]
    )


def load(*paths_and_options: Path | str) -> str:
    """Run the command and return its report."""
    out = StringIO()
    call_command("import_discord", *map(str, paths_and_options), stdout=out)
    return out.getvalue()


def write(path: Path, content: dict[str, Any]) -> Path:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False), encoding="utf-8")
    return path


def write_many(path: Path, count: int) -> Path:
    """Write an export of any size, without holding it in memory."""
    whole = json.dumps(export(messageCount=count), indent=2)
    before, after = whole.split('"messages": []')
    with path.open("w", encoding="utf-8") as file:
        file.write(f'{before}"messages": [')
        for number in range(count):
            reply = (
                {"type": "Reply", "reference": {"messageId": str(FIRST_ID + number - 5)}}
                if number % 10 == 9
                else {}
            )
            content = f"message {number} in a harbour of many boats and {number % 997} gulls"
            text = json.dumps(message(number, content=content, **reply), indent=2)
            file.write(f"{',' if number else ''}\n{text}")
        file.write(f"]{after}")
    return path
