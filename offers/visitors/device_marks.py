"""Marks of each kind of device in a user agent: whole words, matched only where such a device names itself.

Product names are not marks: a BOTECH is a television, AirWatch a browser. Devices describe
themselves in the first brackets, `Mozilla/5.0 (here)`. A word elsewhere is the name of a program, and counts
only if no other program uses it.
"""

import re

from offers.visitors.marks import END, START, Marks

# Looked for only in what the device says of itself.
CONSOLE = Marks(
    r"(?<![a-z0-9.])(?:playstation|xbox|nintendo)(?![a-z.])",
    *("playstation", "xbox", "nintendo"),
)
TV = Marks(
    rf"(?<![a-z0-9.])(?:smart(?:er)?|google|android|apple|fire|mi|net|philips|sony|hbb|d)?[-_ ]?tv(?![a-z.])"
    rf"|(?-i:[a-z]TV(?![A-Za-z.]))|{START}mitv|{START}mibox|aquos-tv|{START}(?:web0s|bravia|viera|netcast|crkey)"
    rf"{END}|{START}(?:chromecast|nexus player|roku|hbbtv|nettv|streaming (?:stick|box)|tv ?box){END}"
    rf"|(?-i:(?:^|[;(] ?)AFT(?!ER)(?:[A-Z]{{1,4}}|[A-Z]*\d[A-Z0-9]*)(?=[ ;)]|$))",
    *("tv", "mibox", "web0s", "bravia", "viera", "netcast", "chromecast", "nexus player", "roku", "crkey"),
    *("streaming stick", "streaming box", "aft"),
)
WEARABLE = Marks(
    rf"{START}(?:watch(?:os)?|ticwatch|wearable|wear ?os){END}|{START}glass (?=\d|enterprise)"
    rf"|{START}sm-r\d",
    *("watch", "wearable", "wear os", "wearos", "glass ", "sm-r"),
)
TABLET = Marks(
    rf"{START}(?:ipad(?:os)?|tablet(?! pc)|kindle|playbook|pixel c|nexus (?:7|9|10)){END}(?!\d)"
    rf"|{START}ipad\d|{START}sm-[tx]\d",
    *("ipad", "tablet", "kindle", "playbook", "sm-t", "sm-x", "pixel c", "nexus "),
)

# Names that programs on televisions and tablets add behind that.
TV_PROGRAM = Marks(
    rf"{START}(?:hbbtv|nettv|crkey|omi|viera|smarttva|tivoos|inettvbrowser|dtvnetbrowser)/\d"
    rf"|{START}tv (?:store|safari)/\d|netcast\.tv|simplesmart\.tv|webos\.tv|{START}vstvb|\+ce-html"
    rf"|^(?:roku/|appletv\d)",
    *("tv/", "crkey/", "omi/", "viera/", "tva/", "tivoos/", "tv store/", "tv safari/"),
    *("inettvbrowser/", "dtvnetbrowser/", ".tv", "vstvb", "ce-html", "roku/", "appletv"),
)
TABLET_PROGRAM = Marks(rf"{START}(?:silk|kindle)/\d", "silk/", "kindle/")

# Matches an iPhone, but no game console that calls itself "like iPhone".
_IPHONE = re.compile(r"(?<!like )\biPhone(?=;|\)|$)")


def is_iphone(described: str) -> bool:
    """Return whether the device says that it is an iPhone; names of apps do not count."""
    return "iPhone" in described and _IPHONE.search(described) is not None
