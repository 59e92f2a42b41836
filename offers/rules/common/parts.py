"""The parts of a click that a rule may depend on, and how each is read."""

from collections.abc import Callable

from offers.rules.common.verdict import ClickContext

# How to read each part of a click; the value None means unknown, which equals nothing.
PARTS: dict[str, Callable[[ClickContext], object]] = {
    "country": lambda context: context.visitor.geo.country,
    "region": lambda context: context.visitor.geo.region,
    "city": lambda context: context.visitor.geo.city,
    "isp": lambda context: context.visitor.geo.isp,
    "deviceType": lambda context: _known(context.visitor.device.device_type),
    "browser": lambda context: context.visitor.device.browser,
    "os": lambda context: context.visitor.device.os,
    "platform": lambda context: context.visitor.device.platform,
    "affiliateId": lambda context: context.campaign.affiliate_id,
    "affiliateType": lambda context: context.campaign.affiliate_type,
    "subCampaign": lambda context: context.sub_campaign or None,
    "cid": lambda context: context.cid or None,
    "offerId": lambda context: context.offer.offer_id,
}
# These have the same value for every click on one offer and campaign, so no rule has to name them.
OF_THE_RECORDS = frozenset({"affiliateId", "affiliateType", "offerId"})


def _known(device_type: str) -> str | None:
    return None if device_type == "unknown" else device_type
