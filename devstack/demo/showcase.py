"""The offers and campaigns that show one rule each, and the links to see them with."""

from dataclasses import dataclass
from typing import Any

from devstack.demo.places import DEV_CLIENT_IP
from devstack.demo.records import (
    DEFAULT_CAMPAIGN_ID,
    DEFAULT_OFFER_ID,
    aggregated,
    campaign,
    caps,
    country_payouts,
    custom_pages,
    dates,
    exit_chain,
    geo_restriction,
    offer,
    target_rules,
)

BERLIN = "91.66.10.20"
TOKYO = "126.10.20.30"

PLAIN, GEO, DATES, PAGES, BUSY, CAPPED, CHAINED, ROOMY, PAID = 101, 102, 103, 104, 105, 106, 107, 108, 109
TARGETED, BEST, NONE_LEFT, INACTIVE, CPM, HYBRID, MACROS, TO_BEST, LOST, PASSED_ON = (
    110,
    111,
    112,
    113,
    114,
    115,
    116,
    117,
    118,
    119,
)
DEALS, PRIZES, HELMETS, PRINTS, POSTERS = 190, 191, 192, 193, 194
VPN_ONE, VPN_TWO, VPN_THREE, VPN_SEASON = 195, 196, 197, 198
NO_SUCH_OFFER = 99_999


@dataclass(frozen=True)
class Example:
    """A link worth clicking: what it shows, and the redirect type it ends with (None: it is not answered)."""

    title: str
    offer_id: int
    campaign_id: int
    redirect_type: str | None
    client_ip: str = DEV_CLIENT_IP
    query: str = ""


SHOWCASE = (
    Example("a plain redirect", PLAIN, 5101, "defaultRedirection"),
    Example("not offered in the visitor's country", GEO, 5102, "offerGeoRestriction"),
    Example("the same offer, from Berlin", GEO, 5102, "defaultRedirection", BERLIN),
    Example("its last day is over", DATES, 5103, "offerStartEndDateRangeNotPass"),
    Example("a landing page for the country", PAGES, 5104, "customLandingPages"),
    Example("the campaign is over its cap", BUSY, 5105, "capsCampaignOverLimit"),
    Example("the campaign is under its cap, with an offer for that", BUSY, 5106, "capsCampaignUnderLimit"),
    Example("the campaign's cap has run out of dates", BUSY, 5107, "defaultRedirection"),
    Example("the offer is over its cap, its own redirect takes over", CAPPED, 5108, "capsOfferOverLimit"),
    Example(
        "the offer and the next along its exit chain are over", CHAINED, 5109, "capsOffersClicksOverLimit"
    ),
    Example("the offer is under its cap, paid by country", ROOMY, 5110, "capsOfferUnderLimit"),
    Example("paid by country, from Tokyo", PAID, 5111, "customPayOutPerGeo", TOKYO),
    Example("a target rule on country and ISP", TARGETED, 5112, "campaignTargetRules"),
    Example("a target rule that excludes desktops", TARGETED, 5113, "defaultRedirection"),
    Example(
        "a target rule on the publisher's own id", TARGETED, 5114, "campaignTargetRules", query="&cid=vip"
    ),
    Example("the best of several offers", BEST, 5115, "offerAggregatedBestOffer"),
    Example("none of several offers is open", NONE_LEFT, 5116, "offerAggregatedExitTrafficToRegularOffer"),
    Example("an exit to the best of several", TO_BEST, 5117, "offerAggregatedExitTrafficToAggregatedOffer"),
    Example("an exit offer over its cap, which passes the click on", PASSED_ON, 5126, "offerGeoRestriction"),
    Example("an exit to an offer that is gone", LOST, 5118, "offerGeoRestriction"),
    Example("an inactive offer: the default takes over", INACTIVE, 5119, "defaultRedirection"),
    Example("paid by the thousand views", CPM, 5120, "defaultRedirection"),
    Example("several steps, the first paid by views", HYBRID, 5121, "defaultRedirection"),
    Example("every macro filled in", MACROS, 5122, "defaultRedirection", query="&subid=A%26B&cid=vip"),
    Example("a blocked campaign", PLAIN, 5123, None),
    Example("a pending campaign", PLAIN, 5124, None),
    Example("a blacklisted affiliate", PLAIN, 5125, None),
)


def showcase_offers(pages_url: str) -> list[dict[str, Any]]:
    """Return the offers that `SHOWCASE` points at, and those they hand clicks to."""
    return _ruled_offers(pages_url) + _capped_offers(pages_url) + _aggregated_offers(pages_url)


def _ruled_offers(url: str) -> list[dict[str, Any]]:
    to_deals = {"offerIdRedirectExitTraffic": DEALS}
    macros = "?s={subid}&c={cid}&click={lid}&a={affiliateId}&k={campaignId}&o={offerId}#join"
    language_pages = {
        "US": f"{url}/language-course-in-english",
        "DE": f"{url}/sprachkurs?s={{subid}}",
        "FR": "",
    }
    return [
        offer(DEFAULT_OFFER_ID, "House Offers", url),
        offer(PLAIN, "Alpine Hiking Shop", url, **to_deals),
        offer(GEO, "Nordic Sauna Club", url, **to_deals, **geo_restriction("US", "CA")),
        offer(
            DATES,
            "Summer Festival Tickets",
            url,
            **to_deals,
            **dates("2021-06-01", "2021-09-01", passed=False),
        ),
        offer(PAGES, "Language Course", url, **to_deals, **custom_pages(language_pages)),
        offer(
            PAID,
            "Travel Insurance",
            url,
            **to_deals,
            **country_payouts(PAID, {"JP": (11, 9), "DE": (8, 6.5)}),
        ),
        offer(
            TARGETED, "Mobile Games Pack", url, **to_deals, **dates("2021-01-01", "2099-01-01", passed=True)
        ),
        offer(
            LOST, "Lottery Syndicate", url, offerIdRedirectExitTraffic=NO_SUCH_OFFER, **geo_restriction("US")
        ),
        offer(
            PASSED_ON,
            "Cargo Trailers",
            url,
            offerIdRedirectExitTraffic=CAPPED,
            **geo_restriction("US", "CA"),
        ),
        offer(INACTIVE, "Old Poker Room", url, status="inactive", **to_deals),
        offer(CPM, "Streaming Trial", url, conversionType="cpm", **to_deals),
        offer(HYBRID, "Mortgage Compare", url, conversionType="hybrid/multistep", isCpmOptionEnabled=True),
        offer(MACROS, "Fitness App", url, landingPageUrl=f"{url}/fitness-app{macros}", **to_deals),
        offer(DEALS, "Daily Deals Newsletter", url, **country_payouts(DEALS, {"CN": (1, 0.5)})),
        offer(PRIZES, "Prize Wheel", url, status="private"),
    ]


def _capped_offers(url: str) -> list[dict[str, Any]]:
    full = offer(PRINTS, "Print Shop", url, offerIdRedirectExitTraffic=POSTERS)
    posters = offer(POSTERS, "Poster Market", url, offerIdRedirectExitTraffic=DEALS)
    capped = caps(
        "over", isExitTraffic=False, offerCapsOfferIdRedirect=HELMETS, capsType="offerOverLimitClicks"
    )
    chained = caps("over", isExitTraffic=True, exitTrafficClicks=True, capsType="offerOverLimitClicks")
    why = {
        "redirectType": "capsOffersClicksOverLimit",
        "redirectReason": "capsOffersClicksOverLimitExitTraffic",
    }
    return [
        offer(BUSY, "Coffee Subscription", url, offerIdRedirectExitTraffic=DEALS),
        offer(CAPPED, "Electric Bikes", url, offerIdRedirectExitTraffic=DEALS, **capped, **exit_chain(None)),
        offer(
            CHAINED,
            "Photo Books",
            url,
            offerIdRedirectExitTraffic=PRINTS,
            **chained,
            **exit_chain(posters, full, posters),
            **why,
        ),
        offer(
            ROOMY,
            "Garden Tools",
            url,
            offerIdRedirectExitTraffic=DEALS,
            **caps("under", isExitTraffic=False, capsType="offerUnderLimit"),
            **country_payouts(ROOMY, {"US": (12, 10.25)}),
            **exit_chain(None),
        ),
        offer(HELMETS, "Bike Helmet Outlet", url),
        full
        | caps("over", isExitTraffic=True, capsType="offerOverLimitClicks")
        | exit_chain(posters, posters)
        | why,
        posters,
    ]


def _aggregated_offers(url: str) -> list[dict[str, Any]]:
    # co-recipe's `dateRangeNotPass` of a candidate holds the opposite of its name.
    best = aggregated(
        VPN_ONE,
        VPN_TWO,
        {"aggregatedOfferId": VPN_THREE, "margin": 3, "countriesRestrictions": "US,CA"},
        {"aggregatedOfferId": CAPPED, "margin": 4, "capsOverLimitClicks": True, "capsOverLimitSales": False},
        {"aggregatedOfferId": DATES, "margin": 5, "dateRangeNotPass": False},
        {"aggregatedOfferId": VPN_SEASON, "margin": 5, "dateRangeNotPass": True},
    )
    closed = aggregated(
        {"aggregatedOfferId": CHAINED, "margin": 1, "capsOverLimitClicks": True, "capsOverLimitSales": False},
        {"aggregatedOfferId": INACTIVE, "margin": 2},
    )
    return [
        offer(BEST, "Best VPN of the Day", url, offerIdRedirectExitTraffic=DEALS, **best),
        offer(NONE_LEFT, "News Digest Picks", url, offerIdRedirectExitTraffic=DEALS, **closed),
        offer(TO_BEST, "Secure Browser", url, offerIdRedirectExitTraffic=BEST, **geo_restriction("US", "GB")),
        offer(VPN_ONE, "Lantern VPN", url),
        offer(VPN_TWO, "Harbour VPN", url),
        offer(VPN_THREE, "Fjord VPN", url, **geo_restriction("US", "CA")),
        offer(VPN_SEASON, "Season VPN", url, **dates("2021-01-01", "2099-01-01", passed=True)),
    ]


def showcase_campaigns() -> list[dict[str, Any]]:
    """Return the campaigns that `SHOWCASE` points at."""
    under = caps("under", campaignCapsOfferIdRedirect=PRIZES)
    spectrum = target_rules(PRIZES, [("country", "US"), ("isp", "Spectrum")])
    not_desktop = target_rules(DEALS, [("deviceType", "desktop"), ("deviceType", "tablet")], include=False)
    vip = target_rules(HELMETS, [("cid", "vip")], [("affiliateType", "Broker"), ("os", "Windows")])
    return [
        campaign(DEFAULT_CAMPAIGN_ID, "House Traffic", DEFAULT_OFFER_ID),
        campaign(5101, "Hiking Blog Banner", PLAIN, payout="3.75000000"),
        campaign(5102, "Wellness Newsletter", GEO),
        campaign(5103, "Festival Countdown", DATES),
        campaign(5104, "Polyglot Podcast", PAGES),
        campaign(5105, "Morning Show Sponsor", BUSY, **caps("over")),
        campaign(5106, "Barista Channel", BUSY, **under),
        campaign(5107, "Office Kitchen Posters", BUSY, **caps("dates over")),
        campaign(5108, "Commuter Magazine", CAPPED),
        campaign(5109, "Family Album App", CHAINED),
        campaign(5110, "Balcony Gardeners", ROOMY, **caps("under")),
        campaign(5111, "Backpacker Forum", PAID),
        campaign(5112, "Gaming Stream", TARGETED, **spectrum),
        campaign(5113, "Arcade Reviews", TARGETED, **not_desktop),
        campaign(5114, "Speedrun Club", TARGETED, **vip),
        campaign(5115, "Privacy Weekly", BEST),
        campaign(5116, "Evening Headlines", NONE_LEFT),
        campaign(5117, "Safe Surfing Guide", TO_BEST),
        campaign(5118, "Jackpot Alerts", LOST),
        campaign(5119, "Card Room Archive", INACTIVE),
        campaign(5120, "Film Fans", CPM),
        campaign(5121, "House Hunters", HYBRID),
        campaign(5122, "Running Partners", MACROS),
        campaign(5123, "Pop-under Network", PLAIN, campaignStatus="blocked"),
        campaign(5124, "New Publisher", PLAIN, campaignStatus="pending"),
        campaign(5125, "Click Farm", PLAIN, affiliateStatus="blacklisted"),
        campaign(5126, "Camping Almanac", PASSED_ON),
    ]
