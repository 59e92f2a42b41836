"""Views of reports that staff saved under a name: the accounts database has them."""

from urllib.parse import parse_qs

import msgspec
from django.contrib.auth.models import User
from django.db.models import Q
from django.http import QueryDict

from cotraffic.diagnostics.models import NAME_CHARACTERS, QUERY_CHARACTERS, SavedView
from cotraffic.diagnostics.reports.address import PARAMETERS, parameters, read_address, write_address

MOST_VIEWS = 50
# Those of all others together; a panel with more helps nobody.
MOST_SHARED = 200
FIRST_QUERY = "range=hour"


class BadView(ValueError):
    """A view that cannot be saved or changed; the message says why."""


class ViewLink(msgspec.Struct, frozen=True):
    """A saved view as the panel lists it. `owner` is "" for one's own; `is_open`: it is what is shown."""

    view_id: int
    name: str
    query: str
    owner: str
    is_shared: bool
    is_open: bool


def listed(user: User, query: str) -> list[ViewLink]:
    """Return a user's views, and those that others share, each by name; `query` is of what is shown now."""
    now = parse_qs(query)
    own = SavedView.objects.filter(owner=user).order_by("name")
    others = SavedView.objects.filter(~Q(owner=user), is_shared=True).select_related("owner")
    found = [*own, *others.order_by("name", "owner__username")[:MOST_SHARED]]
    return [
        ViewLink(
            view.pk,
            view.name,
            view.query,
            "" if view.owner == user else view.owner.get_username(),
            view.is_shared,
            parse_qs(view.query) == now,
        )
        for view in found
    ]


def present_query(given: QueryDict) -> str:
    """Return the query of the report that is shown: its address without its page."""
    kept = {name: values for name, values in parameters(given).items() if name in PARAMETERS}
    return write_address(kept) or FIRST_QUERY


def save(user: User, name: str, query: str, *, is_shared: bool, now_ms: int) -> tuple[SavedView, bool]:
    """Save a report under a name. Returns it, and whether it took the place of an earlier one.

    Raises `BadView`, and `BadAddress` for a query that is no report.
    """
    given = QueryDict(query[: 2 * QUERY_CHARACTERS])
    read_address(given, now_ms)
    query = present_query(given)
    if len(query) > QUERY_CHARACTERS:
        raise BadView(f"the address is over {QUERY_CHARACTERS:,} characters long: choose fewer values")
    name = _name(name)
    own = SavedView.objects.filter(owner=user)
    if not own.filter(name=name).exists() and own.count() >= MOST_VIEWS:
        raise BadView(f"you have {MOST_VIEWS} views, and that is all there may be: delete one first")
    view, is_new = SavedView.objects.update_or_create(
        owner=user, name=name, defaults={"query": query, "is_shared": is_shared}
    )
    return view, not is_new


def change(user: User, view_id: int, name: str, *, is_shared: bool) -> SavedView:
    """Give a view another name, and share it or not. Raises `BadView`, also for somebody else's."""
    view, name = _own(user, view_id), _name(name)
    if SavedView.objects.filter(owner=user, name=name).exclude(pk=view.pk).exists():
        raise BadView(f"you have another view of the name {name}")
    view.name, view.is_shared = name, is_shared
    view.save()
    return view


def delete(user: User, view_id: int) -> str:
    """Delete a view. Returns its name. Raises `BadView`, also for somebody else's, but to a superuser."""
    view = _own(user, view_id, may_tidy_up=user.is_superuser)
    view.delete()
    return view.name


def _own(user: User, view_id: int, *, may_tidy_up: bool = False) -> SavedView:
    mine = Q(owner=user) | Q(is_shared=True) if may_tidy_up else Q(owner=user)
    view = SavedView.objects.filter(mine, pk=view_id).first()
    if view is None:
        raise BadView("you have no such view: it was deleted, or is somebody else's")
    return view


def _name(text: str) -> str:
    """Return a name on one line. Raises `BadView` for one that is empty or too long."""
    name = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    if not name:
        raise BadView("a view needs a name")
    if len(name) > NAME_CHARACTERS:
        raise BadView(f"a name has at most {NAME_CHARACTERS} characters")
    return name
