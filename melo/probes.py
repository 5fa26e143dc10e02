"""`/healthz` and `/readyz`, for load balancers and orchestrators.

In front of all other middleware, because a probe comes over plain HTTP to an address: the host name
and the missing TLS do not matter for it. Nothing is logged, redirected or stored on the way, and no
session is opened.
"""

from collections.abc import Callable
from typing import Final

from django.http import HttpRequest, HttpResponse, JsonResponse

from melo.readiness import Readiness

HEALTH_PATH: Final = "/healthz"
READINESS_PATH: Final = "/readyz"


class ProbeMiddleware:
    """Answers the probes itself, and passes everything else on."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response
        self._readiness = Readiness()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer a probe, or pass the request on."""
        if request.path_info not in {HEALTH_PATH, READINESS_PATH}:
            return self._get_response(request)
        if request.method not in {"GET", "HEAD"}:
            return _json({"status": "not allowed", "reason": "GET or HEAD"}, status=405)
        if request.path_info == HEALTH_PATH:
            return _json({"status": "alive"}, status=200)
        answer = self._readiness.answer()
        if answer.is_ready:
            return _json({"status": "ready"}, status=200)
        return _json({"status": "not ready", "reason": answer.reason}, status=503)


def _json(content: dict[str, str], *, status: int) -> HttpResponse:
    response = JsonResponse(content, status=status, headers={"Cache-Control": "no-store"})
    # For other pages a middleware behind this one does that.
    response["Content-Length"] = str(len(response.content))
    return response
