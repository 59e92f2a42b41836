"""Hints for staff about refused clicks. Visitors never see them: all refusals look the same from outside."""

from offers.admission import Reason, Refusal

_TOKEN_HINTS = (
    ("expired", "Build a new link, with a later expiry or none, and put it into the advert."),
    ("AD_TOKEN_V1", "Build the link anew: this instance takes sealed links only (AD_TOKEN_V1=refuse)."),
    ("AD_TOKEN_KEYS", "Its key is not this instance's: compare AD_TOKEN_KEYS, or build the link anew."),
    ("base64url", "Some character was changed, added or lost on the way. Copy the link again."),
    ("dot", "A sealed token is v2.<key id>.<payload>; was the link cut off?"),
    ("colon", "A token is two hexadecimal numbers with a colon between them; was the link cut off?"),
    (
        "not hexadecimal",
        "Some character was changed or added on the way. Copy the link again from its origin.",
    ),
    ("IV", "The part before the colon has to be 32 hexadecimal digits; was the link's beginning cut off?"),
    ("length", "It was cut off, or something was added. Copy the link again from its origin."),
)
_WRONG_KEY = (
    "It was made with another key than this instance's ENCRYPTION_KEY, or changed on the way. Compare the "
    "keys, or build the link anew under Records."
)
_BEHIND = (
    "It was deleted, or this instance's recipe is behind: see the overview, or run `manage.py recipe_sync`."
)
_HINTS = {
    Reason.UNKNOWN_OFFER: _BEHIND,
    Reason.UNKNOWN_CAMPAIGN: _BEHIND,
    Reason.INACTIVE_OFFER: (
        "Make the offer active again, or let DEFAULT_CAMPAIGN_ID name a campaign whose offer is active: it "
        "then takes such clicks."
    ),
    Reason.BLOCKED_AFFILIATE: "Only lifting the affiliate's block lets its clicks through.",
    Reason.BLOCKED_CAMPAIGN: "Set the campaign to active.",
    Reason.NOTHING_LOADED: (
        "This instance has no recipe yet: run `manage.py recipe_sync`, see that `manage.py recipe_listen` "
        "and Celery run."
    ),
    Reason.UNWRITABLE: (
        "Look at this instance's Redis and at the disk of CLICK_SPOOL_DIR; the overview says what is wrong "
        "with each."
    ),
    Reason.REDIS_AWAY: "Start this instance's Redis, or let REDIS_URL say where it is.",
}


def hint(refusal: Refusal, token: str, *, by_ids: bool) -> str:
    """Return what to do about a refusal of `token`, or, with `by_ids`, of an offer and a campaign."""
    if refusal.reason is not Reason.BAD_TOKEN or by_ids:
        return _HINTS.get(refusal.reason, "")
    if not token.strip():
        return "The link's `ad` parameter is empty."
    return next((words for part, words in _TOKEN_HINTS if part in refusal.detail), _WRONG_KEY)
