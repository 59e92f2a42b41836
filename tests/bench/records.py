"""Records as real clicks have them, for benches that do not need the clicks themselves."""

import json
import random
import uuid
from collections.abc import Iterator
from typing import Any

from offers.click_log.stream import ClickLog
from offers.spool.types import PendingClick

APPENDED_TOGETHER = 500
AGENTS = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.5 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 "
    "Safari/537.36",
)
# How many decisions the clicks of a recipe have in common.
DECISIONS = 2_000
# What all of them have alike: of the click itself, of the decision, and of the visitor.
CLICK = {
    "ttl": 1_795_536_000,
    "referer": "https://publisher.example.com/an/article/with/a/name",
    "adDomain": "track.example.com",
    "adPath": "/offer",
}
DECISION = {
    "eventType": "click",
    "event": "co-traffic",
    "redirectType": "noRedirect",
    "redirectReason": "cleanOfferFromRedis",
    "isCpmOptionEnabled": 0,
    "originIsCpmOptionEnabled": 0,
    "affiliateType": "Network",
    "offerType": "regular",
    "offerDescription": "A description of some length, as people write them. " * 3,
    "verticalName": "sweepstakes",
    "conversionType": "cpa",
}
VISITOR = {
    "country": "US",
    "region": "California",
    "city": "Los Angeles",
    "isp": "An Internet Provider",
    "browser": "Mobile Safari",
    "browserVersion": "17.5",
    "os": "iOS",
    "platform": "iPhone",
    "deviceType": "mobile",
}


def records(
    count: int, began_ms: int = 1_764_000_000_000, decisions: int = DECISIONS
) -> Iterator[tuple[str, str]]:
    """Records as real clicks have them, each with its visitor's mark; the same every time but for lids."""
    chance = random.Random(1)
    decided = [_decision(chance) for _ in range(decisions)]
    for number in range(count):
        lid, decision = str(uuid.uuid4()), chance.choice(decided)
        mark, offer_id = f"{chance.getrandbits(128):032x}", decision["offerId"]
        address = f"https://lp{offer_id}.example.com/land?aff={decision['affiliateId']}&click={lid}"
        click = {
            "lid": lid,
            "dateAdded": began_ms + number,
            "subCampaign": f"sub-{chance.randint(1, 999)}",
            "cid": f"{chance.getrandbits(64):016x}",
            "landingPageUrl": address,
            "fingerPrintKey": mark,
        }
        visitor = {
            "IP": f"203.0.{chance.randint(0, 255)}.{chance.randint(0, 255)}",
            "userAgent": chance.choice(AGENTS),
        }
        record = click | CLICK | decision | VISITOR | visitor
        yield json.dumps(record, separators=(",", ":")), f"{decision['campaignId']}:{mark}"


def _decision(chance: random.Random) -> dict[str, Any]:
    offer_id = chance.randint(1, 99_999)
    return DECISION | {
        "campaignId": chance.randint(1, 200_000),
        "payin": round(chance.uniform(1, 20), 8),
        "payout": round(chance.uniform(1, 10), 8),
        "affiliateId": chance.randint(1, 5000),
        "affiliateManagerId": chance.randint(1, 40),
        "landingPageId": offer_id + 10,
        "offerId": offer_id,
        "offerName": f"Offer {offer_id} for US",
        "advertiserId": chance.randint(1, 500),
        "advertiserName": f"Advertiser {chance.randint(1, 500)}",
        "advertiserManagerId": chance.randint(1, 40),
        "verticalId": chance.randint(1, 30),
    }


def fill(
    log: ClickLog,
    count: int,
    *,
    with_visitors: bool = False,
    began_ms: int = 1_764_000_000_000,
    decisions: int = DECISIONS,
) -> int:
    """Append so many clicks; gives the bytes of their records."""
    pending: list[PendingClick] = []
    size = 0
    for record, mark in records(count, began_ms, decisions):
        size += len(record)
        click = PendingClick(record.encode())
        pending.append(click._replace(mark=mark) if with_visitors else click._replace(unique="1"))
        if len(pending) >= APPENDED_TOGETHER:
            log.append(pending)
            pending = []
    if pending:
        log.append(pending)
    return size
