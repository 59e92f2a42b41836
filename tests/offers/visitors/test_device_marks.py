"""Marks of devices: whole words, and nothing that only looks like one."""

import pytest

from offers.visitors.device_marks import CONSOLE, TABLET, TABLET_PROGRAM, TV, TV_PROGRAM, WEARABLE
from offers.visitors.marks import Marks

# With letters before, behind or in place of those of a mark.
LOOK_ALIKES: list[tuple[Marks, list[str]]] = [
    (CONSOLE, ["Xboxer", "com.xbox", "xbox.app", "Nintendogs", "PlayStationApp"]),
    (
        TV,
        [
            "Some.tv",
            "tv.app",
            "ATV R9",
            "iptv",
            "TVs",
            "SmartTVs",
            "tvOS-like",
            "AFTERSHIP app",
            "; Aftonbladet",
            "raft",
            "bravian",
            "Rokulabs",
            "xroku",
            "AQUOS sense7",
            "netcaster",
            "vieras",
            "chromecasts",
            "xweb0s",
        ],
    ),
    (
        WEARABLE,
        [
            "watchTowr",
            "AirWatch",
            "StopWatch",
            "Watchlist",
            "Glassdoor",
            "Spyglass 1",
            "glass",
            "wearables",
            "SM-S901B",
            "xSM-R800",
        ],
    ),
    (
        TABLET,
        [
            "Tablet PC 2.0",
            "tablets",
            "Kindled",
            "xkindle",
            "Nexus 70",
            "Nexus 5X",
            "SM-S901B",
            "xSM-T870",
            "Pixel Camera",
            "notiPad-x",
        ],
    ),
    (TV_PROGRAM, ["xhbbtv/1", "Romi/2", "MyViera/2", "TV Stores/2", "MyRoku/1"]),
    (TABLET_PROGRAM, ["silky/1", "Silkworm/1", "xsilk/2", "kindled/2", "Silk/x"]),
]


@pytest.mark.parametrize(("marks", "text"), [(marks, text) for marks, texts in LOOK_ALIKES for text in texts])
def test_a_mark_is_a_whole_word(marks: Marks, text: str) -> None:
    assert not marks.mark(text, text.lower())
