"""Five visitors at every view and action: only active staff is let in."""

from collections.abc import Callable

import pytest
import redis
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from cotraffic.diagnostics.urls import urlpatterns

LID = "9ed72f87-b7c2-4afc-ae44-b8183042ef4c"
# Every URL with arguments that fit, and the method that it is for.
GET: dict[str, list[object]] = {
    "overview": [],
    "parts": [],
    "charts": [],
    "traffic": [],
    "workers": [],
    "reports": [],
    "report_clicks": [],
    "report_values": [],
    "report_download": [],
    "report_fetch": [],
    "explain": [],
    "clicks": [],
    "find_click": [],
    "new_clicks": [],
    "click": [LID],
    "records": [],
    "affiliate": [2018],
    "record": ["offers", 1],
    "record_users": [1, "campaign"],
    "preview": [],
    "preview_progress": [],
    "refused": [],
    "refusals": [],
    "actions": [],
    "progress": [],
    "reference": [],
}
POST: dict[str, list[object]] = {
    "start": ["redeliver"],
    "save_view": [],
    "change_view": [1],
    "delete_view": [1],
    "preview_start": [],
    "preview_go_on": [],
    "preview_decide": ["leave"],
}
ALL = [
    *(pytest.param("get", name, arguments, id=name) for name, arguments in GET.items()),
    *(pytest.param("post", name, arguments, id=f"post {name}") for name, arguments in POST.items()),
]


def anonymous() -> Client:
    return Client()


def signed_in() -> Client:
    return _client(User.objects.create_user("uma"))


def inactive_staff() -> Client:
    client = _client(user := User.objects.create_user("ines", is_staff=True))
    user.is_active = False
    user.save()
    return client


def staff() -> Client:
    return _client(User.objects.create_user("sam", is_staff=True))


def superuser() -> Client:
    return _client(User.objects.create_superuser("root"))


def _client(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_every_url_is_tried() -> None:
    assert {pattern.name for pattern in urlpatterns} == GET.keys() | POST.keys()


@pytest.mark.django_db
@pytest.mark.parametrize("visitor", [anonymous, signed_in, inactive_staff])
@pytest.mark.parametrize(("method", "name", "arguments"), ALL)
def test_others_are_sent_to_the_login(
    visitor: Callable[[], Client], method: str, name: str, arguments: list[object]
) -> None:
    url = reverse(f"diagnostics:{name}", args=arguments)
    answer = getattr(visitor(), method)(url)
    after = url if method == "get" else reverse("diagnostics:overview")
    assert (answer.status_code, answer["Location"]) == (302, f"{reverse('admin:login')}?next={after}")


@pytest.mark.django_db
@pytest.mark.parametrize("visitor", [staff, superuser])
@pytest.mark.parametrize(("method", "name", "arguments"), ALL)
def test_staff_is_let_in(
    redis_client: redis.Redis,
    visitor: Callable[[], Client],
    method: str,
    name: str,
    arguments: list[object],
) -> None:
    answer = getattr(visitor(), method)(reverse(f"diagnostics:{name}", args=arguments))
    # What is asked for need not exist or be whole; whoever is let in is never sent to sign in.
    assert answer.status_code in (200, 302, 400, 404, 409)
    assert reverse("admin:login") not in answer.get("Location", "")


@pytest.mark.django_db
def test_a_script_whose_session_ended_is_told_so() -> None:
    answer = Client().get(reverse("diagnostics:overview"), headers={"Accept": "application/json"})
    assert answer.status_code == 403
    assert "sign in" in answer.json()["problem"]


@pytest.mark.django_db
def test_pages_are_kept_by_nobody() -> None:
    answer = staff().get(reverse("diagnostics:overview"))
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.django_db
def test_scripts_and_styles_come_from_our_files_alone() -> None:
    answer = staff().get(reverse("diagnostics:overview"))
    policy = answer["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "<style" not in answer.text
    assert " style=" not in answer.text
    assert "<script>" not in answer.text


@pytest.mark.django_db
def test_the_panels_are_in_the_menu_of_the_admin() -> None:
    answer = staff().get(reverse("admin:index"))
    for name in ("overview", "reports", "explain", "clicks", "records", "preview", "refused", "actions"):
        assert f'href="{reverse(f"diagnostics:{name}")}"' in answer.text
