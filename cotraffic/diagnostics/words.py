"""Redirect types in words: why a click went where it went, and where staff change it."""

import msgspec

from offers.rules.common.redirect_type import RedirectType


class Words(msgspec.Struct, frozen=True):
    """What a stored code means: in a few words, in a sentence, and where it is changed."""

    short: str
    meaning: str
    change: str = ""


_CAPS = "The cap is set in the record's caps (capInfo); whether it is reached, co-recipe counts."
REDIRECT_TYPES = {
    RedirectType.BEST_OF_AGGREGATED: Words(
        "one of several offers",
        "The offer is a list of others, and one that was open to the visitor took the click in its turn.",
        "The list is edited in the aggregated offer.",
    ),
    RedirectType.NONE_OF_AGGREGATED: Words(
        "none of several offers → exit offer",
        "The offer is a list of others, and none was open to the visitor, so its exit offer took the click.",
        "The list and the exit offer are edited in the aggregated offer.",
    ),
    RedirectType.EXIT_TO_AGGREGATED: Words(
        "exit → one of several offers",
        "The click could not stay, and the exit offer is a list of others: one of them took it in its turn.",
        "The exit offer is chosen in the offer that the link names.",
    ),
    RedirectType.OUTSIDE_DATES: Words(
        "outside its dates",
        "The offer has not begun yet or is over.",
        "Start and end date are edited in the offer.",
    ),
    RedirectType.COUNTRY_RESTRICTED: Words(
        "country not allowed",
        "The offer does not take visitors of this country.",
        "The countries are edited in the offer (geoRules).",
    ),
    RedirectType.CUSTOM_PAGE: Words(
        "landing page of the country",
        "The offer has a landing page of its own for this country.",
        "Landing pages by country are edited in the offer (customLpRules).",
    ),
    RedirectType.CAMPAIGN_OVER_CAP: Words(
        "campaign over its cap", "The campaign has had the clicks or sales it may have.", _CAPS
    ),
    RedirectType.CAMPAIGN_UNDER_CAP: Words(
        "campaign under its cap", "The campaign has a cap that is not reached.", _CAPS
    ),
    RedirectType.OFFER_OVER_CAP: Words(
        "offer over its cap", "The offer has had the clicks or sales it may have.", _CAPS
    ),
    RedirectType.OFFER_UNDER_CAP: Words(
        "offer under its cap", "The offer has a cap that is not reached.", _CAPS
    ),
    RedirectType.COUNTRY_PAYOUT: Words(
        "payout of the country",
        "The click stayed, and is paid by what the offer says for this country.",
        "Payouts by country are edited in the offer.",
    ),
    RedirectType.TARGET_RULES: Words(
        "target rule of the campaign",
        "A target rule of the campaign sends this visitor elsewhere.",
        "Target rules are edited in the campaign.",
    ),
    RedirectType.DEFAULT: Words(
        "as the link says", "No rule applied: the click went to the offer's own page."
    ),
}


def redirect_type_words(code: str) -> Words:
    """Return the words for a stored redirect type; one of a record's own is shown as it is."""
    try:
        return REDIRECT_TYPES[RedirectType(code)]
    except ValueError:
        return Words(code or "none", "A record names this type itself.", "It is edited in that record.")
