"""The request to explain a recorded click: the click as its record has it, and not as somebody types it.

What the record lacks (Accept-Language, client hints) makes no difference, because the device is taken as it
was recorded.
"""

from collections.abc import Mapping

import msgspec
from django_redis import get_redis_connection

from cotraffic.diagnostics.explain.request import (
    FIELDS,
    BadExplainRequest,
    ExplainRequest,
    read_country,
    read_instant_ms,
)
from offers.delivery.lookup import look_up, read_lid
from offers.links.tokens import AdTarget
from offers.request import ClickRequest
from offers.visitors.automated import AutomatedReason
from offers.visitors.device import NO_HINTS, Device
from offers.visitors.visitor import Clues
from recipes.records.fields import id_of

RECORDED_FIELDS = ("lid", "entry")
# What can be supposed of a recorded click; all else is the record's.
SUPPOSED = ("country", "at")


def read_recorded(texts: Mapping[str, str]) -> ExplainRequest:
    """Read the request from a lid, and if it is known its entry in the log; waits for DynamoDB and Redis.

    Raises `BadExplainRequest`.
    """
    lid = read_lid(texts["lid"])
    if lid is None:
        raise BadExplainRequest("lid", "that is no lid: a lid is a UUID, and every final URL has it as lid=…")
    if any(texts.get(name, "").strip() for name in FIELDS if name not in SUPPOSED):
        raise BadExplainRequest(
            "lid",
            "a recorded click has its link, its visitor and its texts: beside a lid only country and time "
            "can be supposed",
        )
    country, at = (texts.get(name, "").strip() for name in SUPPOSED)
    supposed_country, supposed_at = read_country(country), read_instant_ms(at) if at else None
    found = look_up(lid, get_redis_connection("default"), texts.get("entry", ""))
    if found.record is None:
        problem = found.log_problem or found.table_problem
        raise BadExplainRequest("lid", f"no click with this lid was found{problem and f' ({problem})'}")
    explain_request = explain_request_of(found.record)
    if explain_request is None:
        raise BadExplainRequest("lid", "the record of this click names no offer or no campaign")
    return msgspec.structs.replace(explain_request, country=supposed_country, at_ms=supposed_at)


def explain_request_of(record: Mapping[str, object]) -> ExplainRequest | None:
    """Make a request to explain the same click now; None if the record names no offer or no campaign."""
    offer_id = id_of(record.get("originOfferId")) or id_of(record.get("offerId"))
    campaign_id = id_of(record.get("campaignId"))
    if offer_id is None or campaign_id is None:
        return None
    request = ClickRequest(
        ad="",
        subid=_text(record, "subCampaign"),
        cid=_text(record, "cid"),
        ad_domain=_text(record, "adDomain") + _text(record, "adPath"),
        fp="" if record.get("fingerPrintKey") else "disabled",
        debug=True,
        head=False,
        referer=_text(record, "referer"),
        clues=Clues(_text(record, "IP"), "", _text(record, "userAgent"), "", NO_HINTS, _purpose(record)),
    )
    device = Device(
        device_type=_text(record, "deviceType") or "unknown",
        browser=_text(record, "browser") or None,
        browser_version=_text(record, "browserVersion") or None,
        os=_text(record, "os") or None,
        platform=_text(record, "platform") or None,
    )
    return ExplainRequest(
        request, AdTarget(offer_id, campaign_id), device=device, lid=_text(record, "lid") or None
    )


def _purpose(record: Mapping[str, object]) -> AutomatedReason | None:
    """Return the purpose that the browser may have stated; a preview's user agent says the same."""
    is_preview = record.get("automatedReason") == AutomatedReason.PREVIEW.value
    return AutomatedReason.PREVIEW if is_preview else None


def _text(record: Mapping[str, object], name: str) -> str:
    value = record.get(name)
    return "" if value is None else str(value)
