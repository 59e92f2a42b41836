"""Errors inside the diagnostics look like the house: words, and a way back."""

import html
import re

import pytest
import redis
from django.contrib.auth.models import User
from django.http import HttpResponseBase
from django.test import Client
from django.urls import reverse

pytestmark = pytest.mark.django_db


def text(answer: HttpResponseBase) -> str:
    """What a page says, without tags, its white space in order."""
    shown = html.unescape(re.sub(r"<[^>]*>", " ", answer.getvalue().decode()))
    return " ".join(shown.split())


def assert_in_house(answer: HttpResponseBase, status: int, words: str, panel: str, title: str) -> None:
    """It is a page of ours, which says what is wrong and leads back to a panel."""
    assert answer.status_code == status
    assert words in text(answer)
    assert f'<a href="{reverse(f"diagnostics:{panel}")}">Back to {title}</a>' in answer.getvalue().decode()
    assert 'aria-label="Diagnostics"' in answer.getvalue().decode()


@pytest.mark.parametrize(
    ("path", "words", "panel", "title"),
    [
        ("nonsense/", "There is no page at this address.", "overview", "Overview"),
        ("refused/nonsense/", "There is no page at this address.", "refused", "Refused clicks"),
        ("records/banners/1/", "There are offers and campaigns, and no banners.", "records", "Records"),
        ("records/offers/1/used/nonsense/", "Nothing uses an offer as nonsense.", "records", "Records"),
    ],
)
def test_an_address_that_leads_nowhere_says_so(
    staff_client: Client, path: str, words: str, panel: str, title: str
) -> None:
    answer = staff_client.get(reverse("diagnostics:overview") + path)
    assert_in_house(answer, 404, words, panel, title)


def test_an_address_that_is_quoted_is_text(staff_client: Client) -> None:
    answer = staff_client.get(reverse("diagnostics:overview") + "records/<b>bold/1/")
    assert "no &lt;b&gt;bold" in answer.content.decode()


def test_the_admin_s_own_addresses_say_so_as_well(staff_client: Client) -> None:
    answer = staff_client.get(reverse("admin:index") + "nonsense/")
    assert_in_house(answer, 404, "There is no page at this address.", "overview", "Overview")


@pytest.mark.parametrize(
    ("name", "arguments", "panel", "title"),
    [
        ("preview_decide", ["make-live"], "preview", "Recipe preview"),
        ("start", ["redeliver"], "actions", "Actions"),
    ],
)
def test_the_address_of_a_button_says_that_it_shows_nothing(
    staff_client: Client, name: str, arguments: list[str], panel: str, title: str
) -> None:
    answer = staff_client.get(reverse(f"diagnostics:{name}", args=arguments))
    assert_in_house(answer, 405, "This address belongs to a button, and shows nothing", panel, title)
    assert answer["Allow"] == "POST"


def test_a_page_that_only_shows_something_takes_no_form(staff_client: Client) -> None:
    answer = staff_client.post(reverse("diagnostics:refused"))
    assert_in_house(
        answer, 405, "This address only shows something. Nothing was done.", "refused", "Refused clicks"
    )


def test_a_form_of_an_older_session_says_that_nothing_was_done(staff: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(staff)
    answer = client.post(reverse("diagnostics:start", args=["redeliver"]))
    assert_in_house(answer, 403, "The form is too old. Nothing was done.", "actions", "Actions")


def test_a_sign_in_form_of_an_older_session_shows_no_menu() -> None:
    answer = Client(enforce_csrf_checks=True).post(reverse("admin:login"), {"username": "sam"})
    assert answer.status_code == 403
    assert "The form is too old." in text(answer)
    assert 'aria-label="Diagnostics"' not in answer.content.decode()


def test_what_an_account_may_not_do_names_who_may(staff_client: Client) -> None:
    answer = staff_client.get(reverse("admin:auth_user_changelist"))
    assert_in_house(answer, 403, "This account may not do that.", "overview", "Overview")


def test_a_script_is_told_in_its_own_form(staff_client: Client) -> None:
    url = reverse("diagnostics:start", args=["redeliver"])
    answer = staff_client.get(url, headers={"Accept": "application/json"})
    assert answer.status_code == 405
    assert "shows nothing" in answer.json()["problem"]


def test_an_unknown_action_is_not_started(staff_client: Client, redis_client: redis.Redis) -> None:
    answer = staff_client.post(reverse("diagnostics:start", args=["nonsense"]))
    assert_in_house(answer, 404, "There is no action nonsense.", "actions", "Actions")
