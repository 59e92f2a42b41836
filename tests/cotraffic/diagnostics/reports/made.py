"""Clicks for reports to count."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec
import redis

HOUR_MS = 3_600_000
# Berlin sets its clocks back on this day: 03:00 becomes 02:00, so that an hour comes twice.
BEGIN_MS = 1_792_843_200_000


class Made(msgspec.Struct, frozen=True):
    """A click of the tests."""

    at_ms: int
    offer: int
    origin: int
    campaign: int
    country: str | None
    automated: str | None
    unique: str
    payout: Decimal

    def record(self, number: int) -> dict[str, object]:
        """Its fields in the log."""
        found = {
            "lid": f"lid-{number}",
            "dateAdded": self.at_ms,
            "ttl": self.at_ms // 1000,
            "offerId": self.offer,
            "offerName": f"Offer {self.offer}",
            "originOfferId": self.origin,
            "campaignId": self.campaign,
            "country": self.country,
            "redirectType": "defaultRedirection" if self.offer == self.origin else "offerGeoRestriction",
            "automatedReason": self.automated,
            "payin": 1,
            "payout": self.payout,
        }
        return {name: value for name, value in found.items() if value is not None}


def write(client: redis.Redis, made: Sequence[Made], first: int = 0) -> None:
    """Write clicks into the log, in the order of their time, as they come."""
    encoder = msgspec.json.Encoder(decimal_format="number")
    for number, click in enumerate(made, first):
        entry: dict[Any, Any] = {"click": encoder.encode(click.record(number)), "unique": click.unique}
        client.xadd("clicks", entry, id=f"{click.at_ms}-*")


def made(at_ms: int = BEGIN_MS, offer: int = 1) -> Made:
    """A click on an offer that took it itself."""
    return Made(at_ms, offer, offer, 1, None, None, "1", Decimal(1))
