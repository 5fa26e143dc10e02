"""`python -m tests.benchmarks.admin`: what the pages of the admin ask of a big database.

Fills a database of its own on the server that the settings lead to, opens every list (whole, the
next page, narrowed in each way that it allows, searched) and a row of every table as a superuser
who is logged in, twice, and drops the database. Exits with 1 when a page takes too many statements
or too long; the time is the database's as the client waits for it, the better of the two.
"""

import argparse
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, product
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "melo.settings")
django.setup()

from django.conf import settings  # noqa: E402
from django.contrib import admin  # noqa: E402
from django.db import connection  # noqa: E402
from django.db.models import Model  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import setup_test_environment  # noqa: E402
from django.urls import reverse  # noqa: E402

from chat.admin.lists.panels import list_url, row_url  # noqa: E402
from chat.models import (  # noqa: E402
    Channel,
    DirectMessage,
    Message,
    Role,
    Server,
    User,
)
from tests.benchmarks.community import (  # noqa: E402
    ABSENT_WORD,
    COMMON_WORD,
    MIDDLING_WORD,
    RARE_WORD,
    Community,
)
from tests.benchmarks.database import describe_machine, filled_database, led_to  # noqa: E402

STATEMENTS = 11
MILLISECONDS = 300.0


@dataclass(slots=True)
class Waiting:
    """Counts statements and the time in which they were answered."""

    statements: int = 0
    seconds: float = 0.0

    def __call__(self, execute: Any, sql: Any, params: Any, many: Any, context: Any) -> Any:
        began = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            self.statements += 1
            self.seconds += time.perf_counter() - began


def main(arguments: Sequence[str]) -> int:
    """Measure every page; return 1 when one of them is too slow, 0 otherwise."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.admin")
    parser.add_argument("--messages", type=int, default=1_000_000, help="how many (1000000)")
    options = parser.parse_args(arguments)
    setup_test_environment(debug=False)
    sys.stdout.write(f"{describe_machine()}\n{options.messages:,} messages\n\n")
    with filled_database(messages=options.messages) as place, led_to(place.connection):
        client = Client()
        client.force_login(User.objects.create_superuser("ada", None, "never used"))
        return _report(client, _pages(client, place.community))


def _report(client: Client, pages: Iterator[tuple[str, str]]) -> int:
    worst_statements, worst_time, seen, slow = 0, 0.0, 0, 0
    for name, url in pages:
        takes = [_opened(client, url) for _ in range(2)]
        statements = max(take.statements for take in takes)
        milliseconds = min(take.seconds for take in takes) * 1000
        is_slow = statements > STATEMENTS or milliseconds > MILLISECONDS
        sys.stdout.write(
            f"{'TOO SLOW ' if is_slow else ''}{name:<72} {statements:>3} {milliseconds:>9.1f} ms\n"
        )
        sys.stdout.flush()
        seen, slow = seen + 1, slow + is_slow
        worst_statements = max(worst_statements, statements)
        worst_time = max(worst_time, milliseconds)
    sys.stdout.write(
        f"\n{seen} pages: at most {worst_statements} statements and {worst_time:.1f} ms; "
        f"{slow} too slow\n"
    )
    return 1 if slow else 0


def _opened(client: Client, url: str) -> Waiting:
    waiting = Waiting()
    with connection.execute_wrapper(waiting):
        response = client.get(url)
    if response.status_code != 200:
        raise RuntimeError(f"{url} answered {response.status_code} instead of 200")
    return waiting


def _pages(client: Client, community: Community) -> Iterator[tuple[str, str]]:
    yield "start", reverse("admin:index")
    yield "schema", reverse("admin:chat_schema")
    known = _known()
    for model, model_admin in admin.site._registry.items():
        if model._meta.app_label != "chat":
            continue
        name = model.__name__
        yield from _with_next(client, f"{name}, the whole list", list_url(model))
        yield f"{name}, nothing found", list_url(model, q="zzz")
        for scope in getattr(model_admin, "indexed_orders", {}):
            choices = [known.get(part) or _choices(model_admin, part) for part in scope]
            for values in product(*choices):
                asked = {part: value for part, (_, value) in zip(scope, values, strict=True)}
                words = ", ".join(
                    f"{part} {which}" for part, (which, _) in zip(scope, values, strict=True)
                )
                yield from _with_next(client, f"{name} by {words}", list_url(model, **asked))
        yield from _rows(model)
    yield from _searches(known)
    yield from _questions(known)


def _with_next(client: Client, name: str, url: str) -> Iterator[tuple[str, str]]:
    yield name, url
    following = client.get(url).context["cl"].paginator.links["after"]
    if following:
        yield f"{name}, next page", url.partition("?")[0] + following


def _rows(model: type[Model]) -> Iterator[tuple[str, str]]:
    rows = model._default_manager.order_by("pk")
    for which, row in (("oldest", rows.first()), ("newest", rows.last())):
        if row is not None:
            yield f"{model.__name__}, the {which}", row_url(model, row.pk)


Choices = list[tuple[str, object]]


def _known() -> dict[str, Choices]:
    busiest = Channel.objects.with_counter().order_by("-last_seq")  # type: ignore[misc]
    channels = busiest.filter(server__isnull=False, last_seq__gt=0)  # type: ignore[misc]
    big, quiet = channels[0], channels.reverse()[0]
    message = Message.objects.filter(channel=big, version__gt=1).first()
    talk = busiest.filter(server__isnull=True).first()
    if message is None or talk is None:
        raise RuntimeError("no edited message, or no conversation: expected at least 1000 messages")
    big_role = Role.objects.filter(server=big.server_id).order_by("position")
    people: Choices = [("talkative", "sailor_500"), ("viewer", "sailor_0"), ("looking", "ada")]
    conversation: Choices = [("longest", talk.pk)]
    return {
        "server": [("biggest", big.server_id), ("quiet", quiet.server_id)],
        "channel": [("biggest", big.pk), ("quiet", quiet.pk)],
        "role": [("everyone's", big_role[0].pk), ("another", big_role[1].pk)],
        "message": [("edited", message.pk)],
        "conversation": conversation,
        "target": conversation,
        **dict.fromkeys(("user", "author", "owner", "uploader", "actor"), people),
    }


def _choices(model_admin: Any, part: str) -> Choices:
    return list(
        chain.from_iterable(
            ((value, value) for value in filter_.choices)
            for filter_ in model_admin.filters
            if filter_.name == part
        )
    )


def _searches(known: dict[str, Choices]) -> Iterator[tuple[str, str]]:
    words = (COMMON_WORD, MIDDLING_WORD, RARE_WORD, ABSENT_WORD, f"{COMMON_WORD} {RARE_WORD}")
    for word, part in product(words, ("server", "channel")):
        for which, value in known[part]:
            yield f"Message, “{word}” in {part} {which}", list_url(Message, q=word, **{part: value})
    for which, value in known["conversation"]:
        for word in words:
            yield (
                f"DirectMessage, “{word}” in conversation {which}",
                list_url(DirectMessage, q=word, conversation=value),
            )
    for beginning in ("sailor_", "sailor_4999", "s@", "zzz"):
        yield f"User, “{beginning}”", list_url(User, q=beginning)
    for beginning in ("Harbour", "Harbour 1499", "zzz"):
        yield f"Server, “{beginning}”", list_url(Server, q=beginning)


def _questions(known: dict[str, Choices]) -> Iterator[tuple[str, str]]:
    path = reverse("admin:who_may_see_what")
    for which, person in known["user"]:
        yield f"Who may see what, {which}", f"{path}?user={person}"
        for where, channel in known["channel"]:
            yield (
                f"Who may see what, {which} in channel {where}",
                f"{path}?user={person}&channel={channel}",
            )
    big_server = known["server"][0][1]
    yield "Who may see what, a server's channels", f"{path}?user=sailor_500&server={big_server}"


if __name__ == "__main__":
    settings.ALLOWED_HOSTS = ["testserver"]
    sys.exit(main(sys.argv[1:]))
