"""Versions of a record with caps: the name of each one's count, and the record when the count is full.

Pure: the counts themselves are in `offers/live_caps/counts.py`.
"""

from collections.abc import Mapping
from hashlib import blake2b
from typing import TypeVar

import msgspec

from recipes.records.kinds import RecipeKind
from recipes.records.parts import Caps
from recipes.records.records import Campaign, Offer

DIGEST_BYTES = 8

Record = TypeVar("Record", bound=Offer | Campaign)
_encode = msgspec.json.Encoder(order="deterministic").encode


def versioned(kind: RecipeKind, record: Record, raw: Mapping[str, object]) -> Record:
    """Return the record with the name of this version's count, if its clicks are limited.

    `raw` is the record in its file or update. Any change of a value makes another version, another order of
    fields does not, so all instances count a version under one name.
    """
    caps = counted_caps(kind, record, raw)
    return record if caps is None else _with_caps(record, caps)


def counted_caps(kind: RecipeKind, record: Offer | Campaign, raw: Mapping[str, object]) -> Caps | None:
    """Return the caps of `versioned`, None if no clicks are limited."""
    caps = record.caps
    if caps is None or not caps.click_limits:
        return None
    record_id = record.offer_id if isinstance(record, Offer) else record.campaign_id
    digest = blake2b(_encode(raw), digest_size=DIGEST_BYTES).hexdigest()
    return msgspec.structs.replace(caps, counted_as=f"{kind}:{record_id}:{digest}")


def closed(record: Record, counted: int) -> Record:
    """Return the record as over its click limit, if `counted` clicks since it was made have reached one.

    A record that is over a limit in the file stays so: counting never opens anything.
    """
    caps = record.caps
    tightest = caps.tightest if caps is not None else None
    if caps is None or caps.over_limit or tightest is None or counted < tightest.left:
        return record
    why = (
        f"{tightest.current:,} clicks of the {tightest.period} in the recipe and {counted:,} counted live "
        f"reach its limit of {tightest.limit:,}"
    )
    return _with_caps(
        record, msgspec.structs.replace(caps, over_limit=True, under_limit=False, closed_by=why)
    )


def _with_caps(record: Record, caps: Caps) -> Record:
    return msgspec.structs.replace(record, caps=caps)
