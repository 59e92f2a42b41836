"""Makes conversion messages, which tell the network of clicks that are conversions already."""

import msgspec

from offers.click_log.record import LONGEST_TEXT, LONGEST_URL, Click, encode, shortened
from recipes.records.records import Offer

DELAY_MS = 30_000
CPM = "cpm"
HYBRID = "hybrid/multistep"


def is_conversion(offer: Offer) -> bool:
    """Return whether a click is a conversion: type `cpm`, or `hybrid/multistep` with the CPM option."""
    return offer.conversion_type == CPM or (offer.conversion_type == HYBRID and offer.is_cpm_option_enabled)


def due_conversion(click: Click) -> str:
    """Return `<due> <message>` for the offer that takes the click, "" if there is nothing to tell.

    Of an automated click there never is: nobody is paid for a machine.

    `due` is in milliseconds since the epoch; the message is JSON text, in the form that the network reads.
    """
    offer = click.decision.offer
    if offer is None or not is_conversion(offer) or click.context.visitor.automated is not None:
        return ""
    return f"{click.context.now_ms + DELAY_MS} {encode(_message(click, offer)).decode()}"


def lid_of(message: bytes) -> str:
    """Return the lid of the click in a conversion message."""
    lid: str = msgspec.json.decode(msgspec.json.decode(message)["body"])["lid"]
    return lid


def _message(click: Click, offer: Offer) -> dict[str, object]:
    campaign, decision = click.context.campaign, click.decision
    body = {
        "lid": click.lid,
        "offerId": offer.offer_id,
        "name": offer.name and shortened(offer.name, LONGEST_TEXT),
        "advertiser": offer.advertiser_id,
        "verticals": offer.vertical_id,
        "conversionType": offer.conversion_type,
        "status": offer.status.value,
        "payin": decision.payin,
        "payout": decision.payout,
        "landingPageId": decision.page_id,
        "landingPageUrl": shortened(click.page_url, LONGEST_URL),
        "campaignId": campaign.campaign_id,
        "affiliateId": campaign.affiliate_id,
        "isCpmOptionEnabled": int(offer.is_cpm_option_enabled),
    }
    return {
        "comments": f"conversion type {offer.conversion_type}",
        "conversion_type": offer.conversion_type,
        "id": offer.offer_id,
        "action": "update",
        "timestamp": click.context.now_ms,
        "body": encode(body).decode(),
    }
