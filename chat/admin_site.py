"""The admin site: Unfold's, with pages of our own beside the lists of models.

Not in chat.admin, for importing that registers the models, which needs this site.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django.contrib import messages
from django.db import IntegrityError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from unfold.sites import UnfoldAdminSite

View = Callable[..., HttpResponseBase]


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page of the admin that is not about a model; `name` is for `reverse`."""

    route: str
    name: str
    title: str
    icon: str
    group: str
    view: View
    is_allowed: Callable[[HttpRequest], bool]

    @property
    def url(self) -> str:
        """The path of the page."""
        return reverse(f"admin:{self.name}")


PAGES: list[Page] = []


def admin_page(
    *,
    route: str,
    name: str,
    title: str,
    icon: str,
    group: str,
    is_allowed: Callable[[HttpRequest], bool],
) -> Callable[[View], View]:
    """Add a view to the admin, for staff, and to `group` of the sidebar.

    `is_allowed` decides who sees it in the sidebar; the view itself refuses the others.
    """

    def register(view: View) -> View:
        PAGES.append(
            Page(
                route=route,
                name=name,
                title=title,
                icon=icon,
                group=group,
                view=view,
                is_allowed=is_allowed,
            )
        )
        return view

    return register


class ChatAdminSite(UnfoldAdminSite):
    """Unfold's site with the pages of `admin_page`."""

    site_title = "MELO"
    site_header = "MELO"
    index_title = "MELO"

    def admin_view(self, view: View, cacheable: bool = False) -> View:  # noqa: FBT001, FBT002
        """Let a form that the database refuses, of a row that was changed meanwhile, say so."""
        shown: View = super().admin_view(view, cacheable)

        @wraps(shown)
        def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            try:
                return shown(request, *args, **kwargs)
            except IntegrityError as refusal:
                if request.method != "POST":
                    raise
                said = str(refusal).partition("\n")[0]
                messages.error(request, f"Nothing was saved: {said}. The database refused it.")
                return HttpResponseRedirect(request.get_full_path())

        return answer

    def extra_urls(self) -> list[URLPattern]:
        """Return the addresses of the pages, for Unfold to list them with its own.

        The first replaces Django's redirect to a row's page outside the admin: no row has one.
        """
        return [
            path("r/<path:row>", self.admin_view(_not_here), name="view_on_site"),
            *(path(page.route, self.admin_view(page.view), name=page.name) for page in PAGES),
        ]

    def autocomplete_view(self, request: HttpRequest) -> HttpResponse:
        """Answer 404: no form asks for rows to choose from, and this would count whole tables.

        It would also list direct messages without logging it.
        """
        raise Http404


def _not_here(request: HttpRequest, row: str) -> HttpResponse:
    raise Http404
