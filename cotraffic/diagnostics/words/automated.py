"""Reasons to call a click automated in words: what made it, and what follows from that."""

from cotraffic.diagnostics.words.entry import Words
from offers.visitors.automated import AutomatedReason

_COUNTS = "In the settings of the instance: with AUTOMATED_CLICKS=count everything counts like a person's."
_RECORDED = "It is redirected and recorded, and counts for nothing: no conversion, no unique visit, no cap."
_SHARE = "If an affiliate sends many, ask where they come from: Reports groups by affiliate and automated."
_AHEAD = "It gets no page and is not recorded; when somebody clicks, the browser asks again."

AUTOMATED = {
    AutomatedReason.BOT: Words(
        "a robot",
        f"The user agent names a search engine's or another robot. {_RECORDED}",
        _SHARE,
        _COUNTS,
    ),
    AutomatedReason.PREVIEW: Words(
        "a link preview",
        f"A messenger or a social network has read the link to show a picture of the page. {_RECORDED}",
        "Nothing: somebody has posted the link, and people's clicks count.",
        _COUNTS,
    ),
    AutomatedReason.PROGRAM: Words(
        "a program",
        f"The user agent names a program or a library, such as curl, and no browser. {_RECORDED}",
        f"{_SHARE} A monitor of your own may be behind it.",
        _COUNTS,
    ),
    AutomatedReason.NO_USER_AGENT: Words(
        "no user agent",
        f"The request does not say what made it, as every browser does. {_RECORDED}",
        _SHARE,
        _COUNTS,
    ),
    AutomatedReason.PREFETCH: Words(
        "prefetched",
        f"A browser has loaded the link before anybody has clicked. {_AHEAD}",
        "Nothing: the click is counted when it comes.",
        _COUNTS,
    ),
    AutomatedReason.PRERENDER: Words(
        "prerendered",
        f"A browser has drawn the page before anybody has clicked. {_AHEAD}",
        "Nothing: the click is counted when it comes.",
        _COUNTS,
    ),
}
