"""Describes what a record does to clicks, rule by rule, in words for staff who make offers.

A line is text and references to offers in turn, so that a page can make links of them.
"""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from offers import rules
from offers.admission import blocked_by
from offers.rules.common.rule import Rule
from offers.rules.common.sentences import (
    amount,
    dates_in_words,
    listed,
    target_rules_in_words,
)
from recipes.records.parts import Caps
from recipes.records.records import ZERO, Campaign, Offer, OfferStatus, OfferType
from recipes.records.restrictions import CANDIDATES, CAPS, COUNTRIES, DATES
from recipes.records.target_rules import TARGET_RULES

# The rules that read an offer and those that read a campaign, in their order.
OFFER_RULES = (
    rules.AGGREGATED,
    rules.DATES,
    rules.COUNTRY_RESTRICTION,
    rules.CUSTOM_PAGE,
    rules.OFFER_CAPS,
    rules.COUNTRY_PAYOUT,
    rules.DEFAULT,
)
CAMPAIGN_RULES = (rules.CAMPAIGN_CAPS, rules.TARGET)


class OfferRef(NamedTuple):
    """A reference to an offer in a line."""

    offer_id: int

    def __str__(self) -> str:
        return f"offer {self.offer_id}"


Line = tuple[str | OfferRef, ...]


class RuleWords(msgspec.Struct, frozen=True):
    """One rule of a record. `is_on`: it can decide a click; `now`: how it stands this moment, if at all."""

    title: str
    is_on: bool
    lines: tuple[Line, ...]
    now: str = ""


def plain(line: Line) -> str:
    """A line as text."""
    return "".join(map(str, line))


def offer_rules(offer: Offer, now_ms: int) -> list[RuleWords]:
    """Describe what an offer does to clicks, in the order of its rules."""
    leave = _exit_target(offer)
    return [
        _aggregated(offer, leave),
        _dates(offer, now_ms, leave),
        _restricted(offer, leave),
        _pages(offer),
        _offer_caps(offer, now_ms, leave),
        _payouts(offer),
        _own_page(offer),
    ]


def campaign_rules(campaign: Campaign, now_ms: int) -> list[RuleWords]:
    """Describe what a campaign does to clicks, in the order of its rules."""
    return [_campaign_caps(campaign, now_ms), _target(campaign)]


def standing(record: Offer | Campaign) -> str:
    """Say what keeps every click away from a record, "" if nothing does."""
    if isinstance(record, Offer):
        if record.status is OfferStatus.INACTIVE:
            return "The offer is inactive: its clicks go to the default campaign and its offer."
        return ""
    if not record.is_blocked:
        return ""
    why = blocked_by(record).detail
    return f"{why[0].upper()}{why[1:]}: every click of this campaign finds nothing."


def _exit_target(offer: Offer) -> Line:
    if offer.exit_offer_id:
        return (OfferRef(offer.exit_offer_id),)
    return ("the default offer, for none is named as exit offer",)


def _off(rule: Rule, why: str) -> RuleWords:
    return RuleWords(rule.title, is_on=False, lines=((why,),))


def _closed(rule: Rule, what: str, leave: Line) -> RuleWords:
    """Describe a rule that decides every click, because its restriction cannot be read."""
    line = (f"{what} cannot be read: every click exits to ", *leave, ".")
    return RuleWords(rule.title, is_on=True, lines=(line,), now="closed")


# A row that closes nothing says little: the candidate's own record decides at every click.
OPEN_WHILE = "open while its own record is"


def _aggregated(offer: Offer, leave: Line) -> RuleWords:
    if offer.type is not OfferType.AGGREGATED:
        return _off(rules.AGGREGATED, "It is a regular offer, with a page of its own.")
    if CANDIDATES in offer.unreadable:
        return _closed(rules.AGGREGATED, "Its candidates", leave)
    lines: list[Line] = [("Clicks are shared equally among its open candidates:",)]
    for found in offer.candidates:
        closed = found.closed_by or ""
        if found.countries_restricted:
            closed = f"{closed}; " if closed else ""
            closed += f"not for {listed(sorted(found.countries_restricted))}"
        lines.append((OfferRef(found.offer_id), f" ({closed or OPEN_WHILE})"))
    lines.append(("Where none is open, clicks exit to ", *leave, "."))
    return RuleWords(rules.AGGREGATED.title, is_on=True, lines=tuple(lines))


def _dates(offer: Offer, now_ms: int, leave: Line) -> RuleWords:
    if DATES in offer.unreadable:
        return _closed(rules.DATES, "Its dates", leave)
    if offer.dates is None:
        return _off(rules.DATES, "It runs always.")
    passed = offer.dates.passed(now_ms)
    now = {True: "running", False: "outside its dates", None: "no dates given, taken as running"}[passed]
    line = (f"It runs {dates_in_words(offer.dates)}; outside, clicks exit to ", *leave, ".")
    return RuleWords(rules.DATES.title, is_on=True, lines=(line,), now=now)


def _restricted(offer: Offer, leave: Line) -> RuleWords:
    if COUNTRIES in offer.unreadable:
        return _closed(rules.COUNTRY_RESTRICTION, "The countries that it restricts", leave)
    if not offer.countries_restricted:
        return _off(rules.COUNTRY_RESTRICTION, "Visitors from every country may have it.")
    countries = listed(sorted(offer.countries_restricted), most=50)
    line = (f"Visitors from {countries} exit to ", *leave, ".")
    return RuleWords(rules.COUNTRY_RESTRICTION.title, is_on=True, lines=(line,))


def _pages(offer: Offer) -> RuleWords:
    if not offer.custom_pages:
        return _off(rules.CUSTOM_PAGE, "No country has a page of its own.")
    lines = tuple((f"{country}: {page.page.text}",) for country, page in sorted(offer.custom_pages.items()))
    return RuleWords(rules.CUSTOM_PAGE.title, is_on=True, lines=lines)


def _offer_caps(offer: Offer, now_ms: int, leave: Line) -> RuleWords:
    caps = offer.caps
    if CAPS in offer.unreadable:
        return _closed(rules.OFFER_CAPS, "Its caps", leave)
    if caps is None:
        return _off(rules.OFFER_CAPS, "It has no caps.")
    over = (OfferRef(caps.redirect_offer_id),) if caps.redirect_offer_id else leave
    lines: list[Line] = [
        ("Over a limit, clicks exit to ", *over, "."),
        ("Under its limits, clicks stay, paid by country where a payout fits.",),
    ]
    if offer.detected_exit_id:
        first = ("Along its exit chain, the first offer that is not over its cap is ",)
        lines.append((*first, OfferRef(offer.detected_exit_id), "."))
    return _caps_words(rules.OFFER_CAPS, caps, now_ms, lines)


def _campaign_caps(campaign: Campaign, now_ms: int) -> RuleWords:
    caps = campaign.caps
    if CAPS in campaign.unreadable:
        return _closed(rules.CAMPAIGN_CAPS, "Its caps", ("the offer's exit offer",))
    if caps is None:
        return _off(rules.CAMPAIGN_CAPS, "It has no caps.")
    lines: list[Line] = [("Over a limit, clicks exit to the offer's exit offer.",)]
    if caps.redirect_offer_id:
        lines.append(("Under its limits, clicks exit to ", OfferRef(caps.redirect_offer_id), "."))
    else:
        lines.append(("Under its limits, its caps ask for nothing.",))
    return _caps_words(rules.CAMPAIGN_CAPS, caps, now_ms, lines)


def _caps_words(rule: Rule, caps: Caps, now_ms: int, lines: list[Line]) -> RuleWords:
    now = "over its limit" if caps.over_limit else "under its limit" if caps.under_limit else "not capped"
    if caps.dates is not None:
        lines.append((f"The caps count {dates_in_words(caps.dates)}.",))
        if caps.dates.passed(now_ms) is False:
            now = "caps are off: outside their dates"
    return RuleWords(rule.title, is_on=True, lines=tuple(lines), now=now)


def _payouts(offer: Offer) -> RuleWords:
    if not offer.country_payouts:
        return _off(rules.COUNTRY_PAYOUT, "It pays the same for every country.")
    lines = []
    for country, payout in sorted(offer.country_payouts.items()):
        payin = offer.payin if payout.payin is None else payout.payin
        paid = "the usual payout" if payout.payout is None else f"payout {amount(payout.payout)}"
        lines.append((f"{country}: payin {amount(payin)}, {paid}",))
    return RuleWords(rules.COUNTRY_PAYOUT.title, is_on=True, lines=tuple(lines))


def _own_page(offer: Offer) -> RuleWords:
    if offer.landing_page is None:
        why = "It has no page that can be used: clicks that stay go to the default offer's page."
        return _off(rules.DEFAULT, why)
    return RuleWords(rules.DEFAULT.title, is_on=True, lines=((offer.landing_page.text,),))


def _target(campaign: Campaign) -> RuleWords:
    if not campaign.rule_sets:
        is_unreadable = TARGET_RULES in campaign.unreadable
        why = "They cannot be read, and are off." if is_unreadable else "No target rules."
        return _off(rules.TARGET, why)
    lines: list[Line] = []
    for found in campaign.rule_sets:
        to: Iterable[str | OfferRef] = (
            (OfferRef(found.redirect_to),) if found.redirect_to else ("the offer's exit offer",)
        )
        conditions = listed(target_rules_in_words(found), "or when", most=50)
        lines.append(("To ", *to, f" when {conditions}."))
    return RuleWords(rules.TARGET.title, is_on=True, lines=tuple(lines))


def payout_words(record: Offer | Campaign) -> str:
    """What a click earns and costs where no rule says otherwise."""
    if isinstance(record, Offer):
        return f"payin {amount(record.payin)}, payout {amount(record.payout)}"
    if record.payout > ZERO:
        return f"payout {amount(record.payout)}, before the offer's"
    return "the offer's payout"
