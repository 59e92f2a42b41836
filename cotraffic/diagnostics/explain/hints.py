"""Hints for staff about refused clicks. Visitors never see them: all refusals look the same from outside."""

from cotraffic.diagnostics.words.refusals import REFUSALS
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


def hint(refusal: Refusal, token: str, *, by_ids: bool) -> str:
    """Return what to do about a refusal of `token`, or, with `by_ids`, of an offer and a campaign."""
    if refusal.reason is not Reason.BAD_TOKEN or by_ids:
        return REFUSALS[refusal.reason].to_do
    if not token.strip():
        return "The link's `ad` parameter is empty."
    return next((words for part, words in _TOKEN_HINTS if part in refusal.detail), _WRONG_KEY)
