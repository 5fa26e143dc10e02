"""What a browser may load and run on our pages: our own files, no script within a page."""

from csp.constants import NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE
from csp.middleware import CSPMiddleware, PolicyParts
from django.http import HttpRequest
from django.http.response import HttpResponseBase

DIRECTIVES = {
    "default-src": [NONE],
    "script-src": [SELF],
    "style-src": [SELF],
    "img-src": [SELF],
    "font-src": [SELF],
    "connect-src": [SELF],
    "form-action": [SELF],
    "base-uri": [NONE],
    "frame-ancestors": [NONE],
}

# Measured in a browser: without the first no menu or dialogue of the admin closes (Alpine compiles
# the expressions in its templates), without the second each page has styles refused. No script
# stands in a page itself, so none may.
_FOR_THE_ADMIN = {"script-src": [UNSAFE_EVAL], "style-src": [UNSAFE_INLINE]}


class ContentPolicyMiddleware(CSPMiddleware):
    """Adds the header to every response, with what the admin needs on the admin's alone."""

    def get_policy_parts(
        self,
        request: HttpRequest,
        response: HttpResponseBase,
        report_only: bool = False,  # noqa: FBT001, FBT002 — the library's signature
    ) -> PolicyParts:
        """Return the policy for this page."""
        parts = super().get_policy_parts(request, response, report_only)
        match = request.resolver_match
        if match is not None and "admin" in match.app_names and not report_only:
            parts.update = {**_FOR_THE_ADMIN, **(parts.update or {})}
        return parts
