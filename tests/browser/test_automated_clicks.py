"""Automated clicks through the whole system: a machine is seen everywhere, and only the person counts."""

import re
from urllib.parse import urlsplit

import boto3
import httpx
from playwright.sync_api import Page, expect

from devstack.demo import SHOWCASE
from devstack.environment import DEMO_ACCOUNT, DEMO_ENCRYPTION_KEY, QUEUE_NAME
from offers.links.tokens import encrypt
from tests import http_client
from tests.browser.views import assert_view
from tests.processes import wait_until
from tests.stacks import Stack

CLICKS = "/admin/diagnostics/clicks/"
PAID = next(example for example in SHOWCASE if example.title == "paid by the thousand views")
CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/126.0.0.0 Safari/537.36"
PREVIEW = "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)"
SECRET = "testing"


def click(stack: Stack, user_agent: str, **headers: str) -> httpx.Response:
    """Click the offer that pays for each click, from one address."""
    token = encrypt(PAID.offer_id, PAID.campaign_id, DEMO_ENCRYPTION_KEY)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    who = {"User-Agent": user_agent, "X-Forwarded-For": "91.66.10.99"}
    return http_client.get(f"{stack.site_url}/offer", params={"ad": token}, headers=who | named)


def lid_of(answer: httpx.Response) -> str:
    assert answer.status_code == 302
    return httpx.URL(answer.headers["Location"]).params["lid"]


def counted(stack: Stack) -> dict[str, float]:
    """Requests that no person made, by reason."""
    text = http_client.get(f"{stack.site_url}/metrics").text
    found = re.findall(r'^cotraffic_automated_clicks_total\{reason="([^"]+)"\} (\S+)$', text, re.MULTILINE)
    return {reason: float(count) for reason, count in found}


class Aws:
    """What has arrived in the devstack's DynamoDB and SQS."""

    def __init__(self, stack: Stack) -> None:
        url = f"http://localhost:{stack.port + 1}"
        session = boto3.Session(aws_access_key_id=SECRET, aws_secret_access_key=SECRET)
        self._dynamodb = session.client("dynamodb", endpoint_url=url, region_name="us-west-2")
        self._sqs = session.client("sqs", endpoint_url=url, region_name="us-east-1")
        self._queue = f"{url}/{DEMO_ACCOUNT}/{QUEUE_NAME}"
        self.messages: list[str] = []

    def record(self, lid: str) -> dict[str, object] | None:
        key = {"lid": {"S": lid}}
        item = self._dynamodb.get_item(TableName="customOffers-production", Key=key).get("Item")
        return None if item is None else {name: next(iter(value.values())) for name, value in item.items()}

    def has_message(self, lid: str) -> bool:
        """Receive what is there, and look for a click's message."""
        found = self._sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10)
        for message in found.get("Messages", []):
            self.messages.append(message["Body"])
            self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
        return any(lid in body for body in self.messages)


def test_a_preview_and_a_prefetch_leave_the_click_to_the_person(page: Page, stack: Stack) -> None:
    before, aws = counted(stack), Aws(stack)
    page.goto(CLICKS)

    preview = lid_of(click(stack, PREVIEW))
    shown = lid_of(click(stack, CHROME, X_Purpose="preview"))
    ahead = click(stack, CHROME, Sec_Purpose="prefetch")
    assert (ahead.status_code, ahead.headers["Cache-Control"]) == (503, "no-store")
    person = lid_of(click(stack, CHROME))

    rows = page.locator(".panel tbody tr")
    expect(rows.filter(has_text=preview[:8])).to_contain_text("preview")
    expect(rows.filter(has_text=person[:8])).not_to_contain_text("preview")
    assert_view(page, "clicks-automated")
    page.get_by_label("Made by").select_option("a machine")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_text(shown[:8])).to_be_visible()
    expect(page.get_by_text(person[:8])).to_have_count(0)

    def reasons() -> dict[str, float]:
        return {reason: count - before.get(reason, 0) for reason, count in counted(stack).items()}

    wait_until(lambda: reasons()["prefetch"], what="the count of the prefetch")
    assert {reason: count for reason, count in reasons().items() if count} == {"preview": 2, "prefetch": 1}

    wait_until(lambda: aws.record(person), what="the person's click in DynamoDB")
    machine, human = aws.record(preview), aws.record(person)
    assert machine
    assert human
    assert (machine["isAutomated"], machine["automatedReason"]) == (True, "preview")
    assert (machine["isUniqueVisit"], human["isUniqueVisit"]) == (False, True)
    assert "isAutomated" not in human

    wait_until(lambda: aws.has_message(person), what="the person's conversion message")
    assert not any(lid in body for lid in (preview, shown) for body in aws.messages)
    assert urlsplit(page.url).path == CLICKS
