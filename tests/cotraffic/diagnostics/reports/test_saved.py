"""Views of reports that staff saved under a name."""

import re
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError
from django.test import Client
from django.urls import reverse

from cotraffic.diagnostics.models import SavedView
from cotraffic.diagnostics.reports import saved

REPORTS = "/admin/diagnostics/reports/"
QUERY = "range=today&by=offer&country=DE&country=FR&left=1"
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("root", "redis_client")]


@pytest.fixture
def other_client(db: None) -> Client:
    """A client of another member of staff."""
    client = Client()
    client.force_login(User.objects.create_user("olga", is_staff=True))
    return client


def save(client: Client, name: str, query: str = QUERY, **fields: str) -> str:
    """Save a view; returns the text of the page that follows."""
    form = {"name": name, "query": query, **fields}
    return text(client.post(reverse("diagnostics:save_view"), form, follow=True).text)


def text(page: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


def links(client: Client) -> dict[str, str]:
    """The names of the views in the panel, each with its query."""
    page = client.get(REPORTS).text
    listed = re.findall(r'<li>\s*<a href="/admin/diagnostics/reports/\?([^"]*)"[^>]*>([^<]*)</a>', page)
    return {unescape(name): unescape(query) for query, name in listed}


def view_id(name: str) -> int:
    return SavedView.objects.get(name=name).pk


def test_without_a_view_the_panel_says_how_to_make_one(staff_client: Client) -> None:
    assert "No view is saved yet." in text(staff_client.get(REPORTS).text)


def test_a_saved_view_is_listed_and_leads_to_its_report(staff_client: Client) -> None:
    assert "Saved as Why DE left." in save(staff_client, "  Why DE\n left ", f"{QUERY}&page=3&junk=1")
    (query,) = links(staff_client).values()
    assert parse_qs(query) == parse_qs(QUERY)
    answer = staff_client.get(f"{REPORTS}?{query}")
    assert answer.status_code == 200
    assert 'aria-current="true">Why DE left</a>' in answer.text


def test_the_report_of_a_first_visit_can_be_saved(staff_client: Client) -> None:
    present = re.findall(r'name="query" value="([^"]*)"', staff_client.get(REPORTS).text)
    save(staff_client, "now", present[0])
    assert links(staff_client) == {"now": "range=hour"}


def test_a_view_is_ones_own_until_it_is_shared(staff_client: Client, other_client: Client) -> None:
    save(staff_client, "mine")
    save(staff_client, "ours", shared="1")
    assert links(other_client).keys() == {"ours"}
    assert "shared by sam" in text(other_client.get(REPORTS).text)
    assert links(staff_client).keys() == {"mine", "ours"}


def test_a_view_saved_under_a_known_name_takes_its_place(staff_client: Client) -> None:
    save(staff_client, "daily")
    assert "it took the place of your view of that name" in save(staff_client, "daily", "range=yesterday")
    assert links(staff_client) == {"daily": "range=yesterday"}


def test_a_view_is_renamed_and_shared(staff_client: Client, other_client: Client) -> None:
    save(staff_client, "old")
    url = reverse("diagnostics:change_view", args=[view_id("old")])
    answer = staff_client.post(url, {"name": "new", "shared": "1", "query": QUERY}, follow=True)
    assert "The view is called new, and all staff see it." in text(answer.text)
    assert answer.request["QUERY_STRING"] == QUERY
    assert links(other_client).keys() == {"new"}


def test_no_two_of_ones_views_have_one_name(staff_client: Client) -> None:
    save(staff_client, "one")
    save(staff_client, "two")
    url = reverse("diagnostics:change_view", args=[view_id("two")])
    answer = staff_client.post(url, {"name": "one"}, follow=True)
    assert "you have another view of the name one" in text(answer.text)
    assert links(staff_client).keys() == {"one", "two"}


def test_a_view_is_deleted(staff_client: Client) -> None:
    save(staff_client, "gone")
    url = reverse("diagnostics:delete_view", args=[view_id("gone")])
    assert "The view gone is deleted." in text(staff_client.post(url, follow=True).text)
    assert links(staff_client) == {}


@pytest.mark.parametrize("what", ["change", "delete"])
def test_somebody_elses_view_stays_as_it_is(staff_client: Client, other_client: Client, what: str) -> None:
    save(staff_client, "ours", shared="1")
    url = reverse(f"diagnostics:{what}_view", args=[view_id("ours")])
    answer = other_client.post(url, {"name": "theirs"}, follow=True)
    assert "you have no such view" in text(answer.text)
    assert links(staff_client).keys() == {"ours"}


def test_a_superuser_tidies_up_what_is_shared(staff_client: Client, admin_client: Client) -> None:
    save(staff_client, "ours", shared="1")
    save(staff_client, "mine")
    for name in ("ours", "mine"):
        admin_client.post(reverse("diagnostics:delete_view", args=[view_id(name)]))
    assert links(staff_client).keys() == {"mine"}


@pytest.mark.parametrize(
    ("name", "query", "said"),
    [
        (" \n ", QUERY, "a view needs a name"),
        ("x" * 81, QUERY, "at most 80 characters"),
        ("long", "&".join(f"reason={'r' * 90}{at}" for at in range(25)), "over 2,000 characters"),
        ("bad", "offer=x", "That is no report: offer is chosen by its id"),
    ],
)
def test_what_cannot_be_saved_is_told(staff_client: Client, name: str, query: str, said: str) -> None:
    assert said in save(staff_client, name, query)
    assert not SavedView.objects.exists()


def test_there_are_only_so_many(staff_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saved, "MOST_VIEWS", 1)
    save(staff_client, "first")
    assert "delete one first" in save(staff_client, "second")
    assert "it took the place" in save(staff_client, "first")


def test_a_name_is_no_markup(staff_client: Client) -> None:
    save(staff_client, "<script>alert(1)</script>")
    page = staff_client.get(REPORTS).text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


@pytest.mark.parametrize("name", ["save", "change", "delete"])
def test_nothing_is_changed_without_a_form_of_ours(staff: User, name: str) -> None:
    view = SavedView.objects.create(owner=staff, name="mine", query="range=hour")
    client = Client(enforce_csrf_checks=True)
    client.force_login(staff)
    url = reverse(f"diagnostics:{name}_view", args=[] if name == "save" else [view.pk])
    assert client.get(url).status_code == 405
    assert client.post(url, {"name": "other", "query": QUERY}).status_code == 403
    assert list(SavedView.objects.values_list("name", flat=True)) == ["mine"]


def test_without_their_table_the_report_is_there_all_the_same(
    staff_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def listed(*_: object) -> None:
        raise DatabaseError("no such table: diagnostics_savedview")

    monkeypatch.setattr("cotraffic.diagnostics.reports.view.listed", listed)
    page = text(staff_client.get(REPORTS).text)
    assert "Saved views cannot be read now." in page
    assert "0 clicks" in page


def test_views_go_with_their_owner(staff_client: Client, staff: User, root: Path) -> None:
    save(staff_client, "ours", shared="1")
    staff.delete()
    assert not SavedView.objects.exists()
