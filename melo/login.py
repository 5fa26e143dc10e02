"""The limit on log-ins: after five failures of one name from one address, a pause.

By name and address together: an office or a proxy is one address for many people, and by the name
alone a stranger could lock an operator out. django-axes counts, in its own tables.
"""

import ipaddress
import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from axes.backends import AxesStandaloneBackend
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib import admin
from django.db.models import Max
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


class ThrottlingBackend(AxesStandaloneBackend):
    """Refuses a name and address that are locked out; the next backend checks the others."""

    def authenticate(self, request: HttpRequest | None, **credentials: Any) -> None:
        """Look at those who come over the network; code that asks by itself has no address."""
        if request is not None:
            super().authenticate(request, **credentials)


def client_address(request: HttpRequest) -> str | None:
    """Return the address that the request came from, None through a socket without one.

    Of IPv6 it is the first address of the /64, since whoever has one address there has all; an IPv4
    address in IPv6's notation is that of IPv4. Behind a proxy that is the last of X-Forwarded-For,
    which the proxy itself has put there; the others are what the client says.
    """
    if settings.IS_BEHIND_PROXY:
        forwarded = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
        if address := _address(forwarded):
            return address
    return _address(request.META.get("REMOTE_ADDR", ""))


def client_name(request: HttpRequest, credentials: Mapping[str, Any] | None) -> str | None:
    """Return the name as it is looked up, so that upper and lower case are one name."""
    source = credentials or request.POST
    name = source.get("username")
    return str(name).lower() if name else None


def locked_out(
    request: HttpRequest, _response: HttpResponse | None, credentials: Mapping[str, Any] | None
) -> HttpResponse:
    """Return the page that says when to try again; the same whether there is such a user or not."""
    name = client_name(request, credentials)
    now: datetime = request.axes_attempt_time  # type: ignore[attr-defined]
    again_at = (_last_failure(name, client_address(request)) or now) + _pause()
    seconds = max(1, math.ceil((again_at - now).total_seconds()))
    page = render(
        request,
        "melo/locked_out.html",
        {
            **admin.site.each_context(request),
            "title": "Too many attempts",
            # Rounded up: whoever comes at the minute that is named is let in.
            "again_at": (again_at + timedelta(seconds=59)).astimezone(UTC).strftime("%H:%M UTC"),
            "minutes": math.ceil(seconds / 60),
            "failures": settings.AXES_FAILURE_LIMIT,
        },
        status=429,
    )
    page["Retry-After"] = str(seconds)
    page["Cache-Control"] = "no-store"
    return page


def _last_failure(name: str | None, address: str | None) -> datetime | None:
    attempts = AccessAttempt.objects.filter(username=name, ip_address=address)
    last: datetime | None = attempts.aggregate(last=Max("attempt_time"))["last"]
    return last


def _pause() -> timedelta:
    pause: timedelta = settings.AXES_COOLOFF_TIME
    return pause


def _address(text: str) -> str | None:
    # Some proxies add the port.
    for candidate in (text, text.rpartition(":")[0]):
        try:
            address = ipaddress.ip_address(candidate.strip("[]").partition("%")[0])
        except ValueError:
            continue
        if isinstance(address, ipaddress.IPv4Address):
            return str(address)
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False).network_address)
    return None
