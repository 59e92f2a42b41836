"""A recipe that waits in S3: looked at, left, and forced, in a running system."""

import gzip
import json
import os
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
import redis
from playwright.sync_api import Page, expect

from recipes.records.kinds import RecipeKind
from recipes.store.store import RecipeStore
from recipes.sync import hold
from tests.browser.views import assert_view
from tests.processes import wait_until
from tests.stacks import Stack

PREVIEW = "/admin/diagnostics/preview/"
OFFERS = RecipeKind.OFFERS
KEY = "offersRecipe.json.gz"

Edit = Callable[[list[dict[str, Any]]], list[dict[str, Any]]]


@pytest.fixture
def store(stack: Stack) -> Iterator[RecipeStore]:
    with redis.Redis(port=stack.port + 3) as client:
        yield RecipeStore(client)


@pytest.fixture
def edit(stack: Stack, store: RecipeStore) -> Iterator[Callable[[Edit], None]]:
    """Changes the offers in S3, on which syncs wait; afterwards all is as it was."""
    s3 = boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{stack.port + 1}",
        region_name="us-east-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )
    bucket = os.environ["S3_BUCKET_NAME"]
    original = s3.get_object(Bucket=bucket, Key=KEY)["Body"].read()

    def change(what: Edit) -> None:
        hold.hold_for_review(OFFERS, store, "a test")
        offers = what(json.loads(gzip.decompress(original)))
        s3.put_object(Bucket=bucket, Key=KEY, Body=gzip.compress(json.dumps(offers).encode()))

    yield change
    s3.put_object(Bucket=bucket, Key=KEY, Body=original)
    for each in store.holds.of(OFFERS):
        if each is not None:
            store.holds.end(OFFERS, each)
    # The stack heals by itself; other tests need it at once.
    offers = len(json.loads(gzip.decompress(original)))
    wait_until(lambda: store.live_count(OFFERS) == offers, what="the original offers")


def restricted(offers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Offer 101 is not for visitors from the US any more, offer 104 has another name, one is gone."""
    for offer in offers:
        if offer["offerId"] == 101:
            offer["countriesRestrictions"] = "US"
        if offer["offerId"] == 104:
            offer["name"] = "Language Course, second edition"
    return [offer for offer in offers if offer["offerId"] != 1003]


def preview(page: Page) -> None:
    page.goto(PREVIEW)
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("heading", name="What would change")).to_be_visible()


def test_what_a_new_recipe_would_change_is_shown_and_made_live(
    page: Page, stack: Stack, edit: Callable[[Edit], None], store: RecipeStore
) -> None:
    for _ in range(3):
        page.request.get(stack.links()[0], max_redirects=0)
    edit(restricted)
    preview(page)
    row = page.get_by_role("row").filter(has_text="offerGeoRestriction")
    expect(row).to_contain_text("defaultRedirection")
    row.get_by_text("example").first.click()
    expect(row.get_by_role("link", name="offer 101").first).to_be_visible()
    page.get_by_role("link", name="Offers changed 2").click()
    expect(page.get_by_text("Language Course, second edition").first).to_be_visible()
    assert_view(page, "preview-differences")
    page.get_by_role("button", name="Make it live").click()
    assert_view(page, "preview-confirm")
    page.get_by_role("button", name="Yes, make it live").click()
    expect(page.get_by_text("live now")).to_be_visible()
    blob = store.get(OFFERS, 101)
    assert blob
    assert json.loads(blob)["countriesRestrictions"] == "US"


def test_a_held_back_recipe_is_forced(page: Page, edit: Callable[[Edit], None], store: RecipeStore) -> None:
    edit(lambda offers: offers[:60])
    preview(page)
    expect(page.get_by_text("The offers are held back: 70 % fewer records")).to_be_visible()
    assert_view(page, "preview-held-back")
    page.get_by_role("button", name="Make it live").click()
    page.get_by_label("Force it").check()
    page.get_by_role("button", name="Yes, make it live").click()
    expect(page.get_by_text("live now")).to_be_visible()
    assert store.live_count(OFFERS) == 60


def damaged(offers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Every list of restricted countries is an object, and every page has another name."""
    for offer in offers:
        offer["countriesRestrictions"] = {"list": offer.get("countriesRestrictions")}
        offer["page"] = offer.pop("landingPageUrl", None)
    return offers


def test_a_recipe_that_looks_damaged_is_held_back_and_says_why(
    page: Page, edit: Callable[[Edit], None], store: RecipeStore
) -> None:
    edit(damaged)
    preview(page)
    reason = page.get_by_text("The offers are held back: the file looks damaged")
    expect(reason).to_contain_text("records have values that cannot be read")
    expect(reason).to_contain_text("0 of its records have a landing page")
    expect(page.get_by_text("offers stay as they are live, for their new version")).to_be_visible()
    assert_view(page, "preview-damaged")


def test_a_recipe_is_left(page: Page, edit: Callable[[Edit], None], store: RecipeStore) -> None:
    edit(restricted)
    preview(page)
    page.get_by_role("button", name="Leave it").click()
    page.get_by_role("button", name="Yes, leave it").click()
    expect(page.get_by_text("left the file in S3").first).to_be_visible()
    assert store.holds.of(OFFERS).left


def test_before_the_first_preview_it_says_what_to_do(page: Page, store: RecipeStore) -> None:
    store.save_preview(b"{}", 1)
    page.goto(PREVIEW)
    expect(page.get_by_text("Nothing was previewed within the last hour.")).to_be_visible()
    assert_view(page, "preview-empty")
