"""Marks of each kind of device in a user agent: whole words, matched only where such a device names itself.

Product names are not marks: a CUBOT is a phone, a BOTECH a television, AirWatch a browser. Devices describe
themselves in the first brackets, `Mozilla/5.0 (here)`. A word elsewhere is the name of a program, and counts
only if no other program uses it.
"""

import re

# No letter or digit may follow the word.
_START, _END = r"(?<![a-z0-9])", r"(?![a-z])"


class Marks:
    """A pattern, and `words` of which one occurs in every lower-case text that it matches.

    Looking for the words first takes a tenth of the time of the pattern, and rules most texts out.
    """

    def __init__(self, pattern: str, *words: str) -> None:
        self.pattern = re.compile(pattern, re.IGNORECASE | re.ASCII)
        self.words = words

    def mark(self, user_agent: str, lower_case: str) -> bool:
        """Return whether the user agent, also given in lower case, has the mark."""
        for word in self.words:
            if word in lower_case:
                return self.pattern.search(user_agent) is not None
        return False


# Programs that fetch, scan, preview or watch pages, by name.
_ROBOT_NAMES = (
    *("facebookexternalhit", "facebookcatalog", "meta-externalagent", "meta-externalfetcher", "watchtowr"),
    *("slurp", "nutch", "heritrix", "scrapy", "screaming frog", "ia_archiver", "internetarchive", "xenu"),
    *("daumoa", "ichiro", "larbin", "netvibes", "newsgator", "qwantify", "bubing", "bingpreview", "embedly"),
    *("skypeuripreview", "google web preview", "snap url preview", "slack-imgproxy", "googleimageproxy"),
    *("yahoomailproxy", "flipboardproxy", "iframely", "mediapartners-google", "feedfetcher-google"),
    *("google-inspectiontool", "google-read-aloud", "appengine-google", "chrome-lighthouse", "gtmetrix"),
    *("phantomjs", "headless", "headlesschrome", "headlesschromium", "gomezagent", "check_http", "wpscan"),
    *("masscan", "zgrab", "censysinspect", "nmap scripting", "statuscake", "whatweb", "ptst"),
    *("nikto", "sqlmap", "nuclei"),
    *("winhttp", "python-urllib", "google-http-java-client", "w3c_validator", "webthumbnail", "pagepeeker"),
)
_NAMED_ROBOT = f"{_START}(?:{'|'.join(map(re.escape, _ROBOT_NAMES))}|pingdom[a-z]*){_END}"
# Names of robots end in these (AhrefsBot, Baiduspider); so do some phones and apps, see `without_models`.
_NO_ROBOT = r"(?:cu|ab|ca|tal|tur|bur|sa|ja|i?ro)bots?|(?:dungeon|rock|rc)crawlers?"
_ROBOT_ENDING = (
    rf"{_START}(?!(?:{_NO_ROBOT}){_END})[a-z0-9]*(?:bots?|crawl(?:ers?|ing)?){_END}"
    rf"|{_START}[a-z0-9]*spider(?![a-z]|[ -]?man{_END}|[ -]?solitaire)"
)
# A robot says where to read about it; browsers and apps name no page.
_ROBOT_PAGE = r"\+https?://"
# Programs without a system, such as previews and mail servers, begin with these.
_ROBOT_BEGINNING = r"^(?:whatsapp|wordpress|java|jnlp)/"

BOT = Marks(
    f"{_ROBOT_ENDING}|{_NAMED_ROBOT}|{_ROBOT_PAGE}|{_ROBOT_BEGINNING}",
    *("bot", "spider", "crawl", "+http", "whatsapp/", "wordpress/", "java/", "jnlp/", "pingdom"),
    # Names that contain another of these names are left out: the shorter one finds them.
    *(name for name in _ROBOT_NAMES if not any(name != other and other in name for other in _ROBOT_NAMES)),
)
# These mark a robot only if the user agent names no operating system: apps on phones have such names, too.
BOT_WITHOUT_SYSTEM = Marks(
    rf"{_START}(?:[a-z]*(?:monitor(?:ing|s)?|preview(?:er|s)?)|robots?|scanner|checker|fetcher|validator"
    rf"|archiver|scraper|indexer|prerender){_END}",
    *("monitor", "preview", "robot", "scanner", "checker", "fetcher", "validator", "archiver", "scraper"),
    *("indexer", "prerender"),
)

# Looked for only in what the device says of itself.
CONSOLE = Marks(
    r"(?<![a-z0-9.])(?:playstation|xbox|nintendo)(?![a-z.])",
    *("playstation", "xbox", "nintendo"),
)
TV = Marks(
    rf"(?<![a-z0-9.])(?:smart(?:er)?|google|android|apple|fire|mi|net|philips|sony|hbb|d)?[-_ ]?tv(?![a-z.])"
    rf"|(?-i:[a-z]TV(?![A-Za-z.]))|{_START}mitv|{_START}mibox|aquos-tv|{_START}(?:web0s|bravia|viera|netcast|crkey)"
    rf"{_END}|{_START}(?:chromecast|nexus player|roku|hbbtv|nettv|streaming (?:stick|box)|tv ?box){_END}"
    rf"|(?-i:(?:^|[;(] ?)AFT(?!ER)(?:[A-Z]{{1,4}}|[A-Z]*\d[A-Z0-9]*)(?=[ ;)]|$))",
    *("tv", "mibox", "web0s", "bravia", "viera", "netcast", "chromecast", "nexus player", "roku", "crkey"),
    *("streaming stick", "streaming box", "aft"),
)
WEARABLE = Marks(
    rf"{_START}(?:watch(?:os)?|ticwatch|wearable|wear ?os){_END}|{_START}glass (?=\d|enterprise)"
    rf"|{_START}sm-r\d",
    *("watch", "wearable", "wear os", "wearos", "glass ", "sm-r"),
)
TABLET = Marks(
    rf"{_START}(?:ipad(?:os)?|tablet(?! pc)|kindle|playbook|pixel c|nexus (?:7|9|10)){_END}(?!\d)"
    rf"|{_START}ipad\d|{_START}sm-[tx]\d",
    *("ipad", "tablet", "kindle", "playbook", "sm-t", "sm-x", "pixel c", "nexus "),
)

# Names that programs on televisions and tablets add behind that.
TV_PROGRAM = Marks(
    rf"{_START}(?:hbbtv|nettv|crkey|omi|viera|smarttva|tivoos|inettvbrowser|dtvnetbrowser)/\d"
    rf"|{_START}tv (?:store|safari)/\d|netcast\.tv|simplesmart\.tv|webos\.tv|{_START}vstvb|\+ce-html"
    rf"|^(?:roku/|appletv\d)",
    *("tv/", "crkey/", "omi/", "viera/", "tva/", "tivoos/", "tv store/", "tv safari/"),
    *("inettvbrowser/", "dtvnetbrowser/", ".tv", "vstvb", "ce-html", "roku/", "appletv"),
)
TABLET_PROGRAM = Marks(rf"{_START}(?:silk|kindle)/\d", "silk/", "kindle/")

_IN_BRACKETS = re.compile(r"\(([^()]*(?:\([^()]*\)[^()]*)*)")
# Matches an iPhone, but no game console that calls itself "like iPhone".
_IPHONE = re.compile(r"(?<!like )\biPhone(?=;|\)|$)")
_APP_OF_A_PHONE = re.compile(r"iP(?:hone|ad|od)[^;]*; i(?:Pad)?OS \d")


def description(user_agent: str) -> str:
    """Return what the device says of itself: the text in the first brackets, "" if there are none."""
    found = _IN_BRACKETS.search(user_agent)
    return found[1] if found else ""


def is_iphone(described: str) -> bool:
    """Return whether the device says that it is an iPhone; names of apps do not count."""
    return "iPhone" in described and _IPHONE.search(described) is not None


def without_models(user_agent: str, described: str) -> str:
    """Remove the names of phones and their apps, so that one such as CUBOT does not look like a robot."""
    if "compatible" in described.lower():
        return user_agent
    if "Android" in described:
        return user_agent.replace(described, "", 1)
    if _APP_OF_A_PHONE.match(described):
        return user_agent.partition(described)[2]
    return user_agent
