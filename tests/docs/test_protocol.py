"""The protocol page tells the truth: its examples are decoded, validated and applied by the code itself."""

import json
import re
from decimal import Decimal
from hashlib import md5
from typing import Any

import msgspec
import redis

from devstack.environment import PROJECT
from offers.click_log import record
from offers.click_log.conversions import due_conversion, lid_of
from offers.click_log.types import Entry
from offers.delivery.item import item
from offers.links.tokens import AdTarget, AdToken, TokenReader, sealed_keys
from recipes.corecipe import updates
from recipes.records.kinds import RecipeKind
from recipes.records.records import parse_campaign, parse_offer
from recipes.store.store import RecipeStore
from tests.offers.builders import context, decided, offer
from tests.recipe import make_live

PAGE = (PROJECT / "docs" / "protocol.md").read_text()
EXAMPLE = re.compile(r"<!-- example: ([\w ]+) -->\n```\w*\n(.*?)```", re.DOTALL)
EXAMPLES = dict(EXAMPLE.findall(PAGE))
KEYS = sealed_keys(re.findall(r"`(\w+:[0-9a-f]{64})`", PAGE))
READER = TokenReader("demo-key-that-everyone-may-know!", 10, KEYS)
JAN_2030_S = 1893456000


def test_the_old_token_names_what_the_page_says() -> None:
    assert READER.decrypted(EXAMPLES["v1 token"].strip()).target == (101, 5101)


def test_the_sealed_tokens_name_what_the_page_says() -> None:
    forever, until = EXAMPLES["v2 tokens"].split()
    assert READER.decrypted(forever) == AdToken(AdTarget(101, 5101), "2026a")
    assert READER.decrypted(until) == AdToken(AdTarget(101, 5101), "2026a", JAN_2030_S)


def test_the_sealer_of_the_page_seals_what_we_open() -> None:
    names: dict[str, Any] = {}
    exec(EXAMPLES["sealer"], names)  # noqa: S102 - our own page
    token = names["sealed"]("101|5101", "2026a", KEYS["2026a"])
    assert READER.read(token) == (101, 5101)


def test_the_landing_url_has_the_hash_that_the_page_explains() -> None:
    url, _, signature = EXAMPLES["landing URL"].strip().rpartition("&hash=")
    assert md5(f"{url}|demo-secret".encode(), usedforsecurity=False).hexdigest() == signature


def test_the_records_are_read_without_a_defect() -> None:
    read_offer = parse_offer(json.loads(EXAMPLES["offer"]))
    read_campaign = parse_campaign(json.loads(EXAMPLES["campaign"]))
    assert (read_offer.offer_id, read_offer.payin, read_offer.defects) == (101, Decimal("5.5"), ())
    assert (read_campaign.campaign_id, read_campaign.defects) == (5101, ())


def test_the_update_is_applied(redis_client: redis.Redis) -> None:
    store = RecipeStore(redis_client)
    make_live(store, RecipeKind.OFFERS, {101: EXAMPLES["offer"].encode()})
    outcome = updates.apply(store, json.loads(EXAMPLES["update"]))
    assert outcome.outcome is updates.UpdateOutcome.APPLIED
    kept = store.get(RecipeKind.OFFERS, 101)
    assert kept is not None
    assert parse_offer(json.loads(kept)).payin == Decimal("9.75")


def test_the_click_record_becomes_an_item_of_the_table() -> None:
    example = EXAMPLES["click record"].encode()
    made = json.loads(item(Entry("1-1", example, "1")).attributes)
    assert made["lid"] == {"S": "9ed72f87-b7c2-4afc-ae44-b8183042ef4c"}
    assert made["payin"] == {"N": "5.5"}
    assert made["isUniqueVisit"] == {"BOOL": True}


def record_fields() -> set[str]:
    """Every field that a record can have, in the table's names."""
    parts = (record.ClickPart, record.DecisionPart, record.VisitorPart)
    found = {field.encode_name for part in parts for field in msgspec.structs.fields(part)}
    return found | {"isUniqueVisit", "isUniqueVisitAssumed"}


def test_the_page_lists_every_field_of_the_record_and_no_other() -> None:
    table = PAGE[PAGE.index("## The click record") : PAGE.index("As JSON, which is also")]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == record_fields()
    assert set(json.loads(EXAMPLES["click record"])) <= record_fields()


def test_the_conversion_message_has_the_members_of_a_real_one() -> None:
    ours = decided(context(offer(conversionType="cpm")))
    real = json.loads(due_conversion(ours).partition(" ")[2])
    told = json.loads(EXAMPLES["conversion message"])
    assert list(told) == list(real)
    assert list(json.loads(told["body"])) == list(json.loads(real["body"]))
    assert lid_of(EXAMPLES["conversion message"].encode()) == "9ed72f87-b7c2-4afc-ae44-b8183042ef4c"
