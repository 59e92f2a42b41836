"""Redirect types in words: why a click went where it went, and where staff change it."""

from cotraffic.diagnostics.words.entry import Words
from offers.rules.common.redirect_type import RedirectType

_CAPS = "In co-admin-back, in the caps of the {}; how far they are used up, co-recipe counts (capInfo)."
_NOTHING = "Nothing, if that is meant."

REDIRECT_TYPES = {
    RedirectType.BEST_OF_AGGREGATED: Words(
        "best of several",
        "The offer stands for several others: one that was open to the visitor took the click in its turn.",
        f"{_NOTHING} Explain names each candidate, and why it was closed to this visitor.",
        "In co-admin-back, in the aggregated offer: its candidates. What closes one is in that offer.",
    ),
    RedirectType.NONE_OF_AGGREGATED: Words(
        "none of several → exit offer",
        "The offer stands for several others, and none was open to the visitor, so its exit offer took the "
        "click.",
        "See in Explain what closes each candidate: status, dates, country, cap or a missing page. Open one, "
        "or add one for these visitors.",
        "In co-admin-back, in the aggregated offer (candidates and exit offer) and in its candidates.",
    ),
    RedirectType.EXIT_TO_AGGREGATED: Words(
        "exit → best of several",
        "The click could not stay with its offer, and the exit offer stands for several others: one of them "
        "took it in its turn. The redirect reason says why it could not stay.",
        "Look up what kept the click away: the first words say it, the ones before the arrow.",
        "In co-admin-back, in the offer that the link names: what restricts it, and its exit offer.",
    ),
    RedirectType.OUTSIDE_DATES: Words(
        "outside its dates",
        "The offer has not begun yet or is over, so its exit offer took the click.",
        "Prolong the offer, or end the adverts for it.",
        "In co-admin-back, in the offer: start and end date.",
    ),
    RedirectType.COUNTRY_RESTRICTED: Words(
        "country not allowed",
        "The offer does not take visitors of this country, so its exit offer took the click.",
        "Allow the country, or let the affiliate aim the advert at other countries. If the country is wrong, "
        "see how old the GeoIP database is (Overview).",
        "In co-admin-back, in the offer: its countries (geoRules in the recipe).",
    ),
    RedirectType.CUSTOM_PAGE: Words(
        "landing page of the country",
        "The click stayed with its offer, which has a landing page of its own for this country.",
        _NOTHING,
        "In co-admin-back, in the offer: landing pages by country (customLpRules in the recipe).",
    ),
    RedirectType.CAMPAIGN_OVER_CAP: Words(
        "campaign over its cap",
        "The campaign has had the clicks or sales that it may have, so the exit offer took the click.",
        "Raise the cap, or let the affiliate pause the advert.",
        _CAPS.format("campaign"),
    ),
    RedirectType.CAMPAIGN_UNDER_CAP: Words(
        "campaign under its cap",
        "The campaign's caps name an offer for the clicks until they are reached, and that took the click.",
        _NOTHING,
        _CAPS.format("campaign"),
    ),
    RedirectType.OFFER_OVER_CAP: Words(
        "offer over its cap",
        "The offer has had the clicks or sales that it may have, so another one took the click.",
        "Raise the cap, or choose where clicks then go: the offer that the caps name, or the exit offer.",
        _CAPS.format("offer"),
    ),
    RedirectType.OFFER_UNDER_CAP: Words(
        "offer under its cap",
        "The click stayed with its offer, which has a cap that is not reached.",
        _NOTHING,
        _CAPS.format("offer"),
    ),
    RedirectType.COUNTRY_PAYOUT: Words(
        "payout of the country",
        "The click stayed with its offer, and is paid by what the offer says for this country.",
        _NOTHING,
        "In co-admin-back, in the offer: payouts by country (customPayOutPerGeo in the recipe).",
    ),
    RedirectType.TARGET_RULES: Words(
        "target rule of the campaign",
        "A target rule of the campaign fits this visitor, and sent the click where it says.",
        f"{_NOTHING} Explain names the rule and what it compared.",
        "In co-admin-back, in the campaign: its target rules.",
    ),
    RedirectType.DEFAULT: Words(
        "as the link says",
        "No rule decided otherwise: the click went to the offer's own page.",
        _NOTHING,
        "In co-admin-back, in the offer: its landing page.",
    ),
}
OWN_TYPE = Words(
    "a record's own words",
    "The offer is over its cap, and its record names a redirect type itself (redirectType), which is stored "
    "instead of ours.",
    "Raise the cap, or choose where further clicks go. The redirect reason may be the record's own as well.",
    "In co-admin-back, in the caps of the offer. Whether one is reached, co-recipe counts.",
)
