"""Reasons to refuse a link in words: why a click led nowhere, and what staff do about it."""

from cotraffic.diagnostics.words.entry import Words
from offers.admission import Reason

_BEHIND = (
    "It was deleted, or this instance's recipe is behind: see the overview, or run `manage.py recipe_sync`."
)
REFUSALS = {
    Reason.BAD_TOKEN: Words(
        "broken link",
        "The token in the link names no offer and no campaign: it was cut off, changed on the way, made with "
        "another key, or has expired.",
        "Find the advert by its referer, and copy the link anew. Explain says what is wrong with a token. If "
        "every link of an instance is broken, its keys are not the others' (ENCRYPTION_KEY, AD_TOKEN_KEYS).",
        "In the advert; the keys, in the settings of the instance.",
    ),
    Reason.UNKNOWN_OFFER: Words(
        "offer not in the recipe",
        "The link can be read, and this instance knows no offer of its number.",
        _BEHIND,
        "In co-admin-back, where the offer is restored; else in the advert.",
    ),
    Reason.UNKNOWN_CAMPAIGN: Words(
        "campaign not in the recipe",
        "The link can be read, and this instance knows no campaign of its number.",
        _BEHIND,
        "In co-admin-back, where the campaign is restored; else in the advert.",
    ),
    Reason.INACTIVE_OFFER: Words(
        "offer not active",
        "The offer is inactive, and there is no default campaign whose active offer could take its clicks.",
        "Make the offer active again, or let DEFAULT_CAMPAIGN_ID name a campaign whose offer is active: it "
        "then takes such clicks.",
        "In co-admin-back, in the offer: its status. DEFAULT_CAMPAIGN_ID is a setting of the instance.",
    ),
    Reason.BLOCKED_AFFILIATE: Words(
        "affiliate blocked",
        "The campaign's affiliate is blacklisted, or has a status that cannot be read.",
        "Only lifting the affiliate's block lets its clicks through.",
        "In co-admin-back, in the affiliate: its status.",
    ),
    Reason.BLOCKED_CAMPAIGN: Words(
        "campaign not active",
        "The campaign is pending, inactive, rejected or blocked, or its status cannot be read: only an "
        "active one takes clicks.",
        "Set the campaign to active.",
        "In co-admin-back, in the campaign: its status.",
    ),
    Reason.NOTHING_LOADED: Words(
        "no recipe yet",
        "This instance has loaded no offers or no campaigns yet. The visitor is asked to try again in a few "
        "seconds.",
        "This instance has no recipe yet: run `manage.py recipe_sync`, see that `manage.py recipe_listen` "
        "and Celery run.",
        "On the instance; the overview says which part is missing.",
    ),
    Reason.REDIS_AWAY: Words(
        "record out of reach",
        "The worker does not have this offer or campaign in its memory, and Redis, which has it, does not "
        "answer. The visitor is asked to try again in a few seconds.",
        "Start this instance's Redis, or let REDIS_URL say where it is.",
        "On the instance: its Redis, and REDIS_URL.",
    ),
    Reason.UNWRITABLE: Words(
        "click could not be written",
        "Neither Redis nor the disk took the click, and CLICKS_UNWRITABLE=refuse forbids to redirect what is "
        "not written. The visitor is asked to try again in a few seconds.",
        "Look at this instance's Redis and at the disk of CLICK_SPOOL_DIR; the overview says what is wrong "
        "with each.",
        "On the instance: its Redis, the disk of CLICK_SPOOL_DIR, and CLICKS_UNWRITABLE.",
    ),
    Reason.FETCHED_AHEAD: Words(
        "fetched ahead",
        "A browser loads the page before anybody has clicked. It is told to come again when somebody does, "
        "so this is neither a click nor counted among the refused.",
        "Nothing: the click is counted when it comes. How many there are, the overview charts as automated.",
        "In the settings of the instance: AUTOMATED_CLICKS=count answers and counts them like clicks.",
    ),
}
