"""What marks a kind of device in a user agent: whole words, looked for where such a device names itself.

A product's name is no mark: a CUBOT is a phone, a BOTECH a television, AirWatch a browser. Devices describe
themselves in the first brackets, `Mozilla/5.0 (here)`; what stands elsewhere is the name of a program, so it
counts only where no other program says it.
"""

import re

# No letter or digit may go on from the word.
_START, _END = r"(?<![a-z0-9])", r"(?![a-z])"


class Marks:
    """A pattern, which is slow to look for all over a text.

    Wherever it matches, one of `words` occurs in the lower-case text; looking for them takes a tenth of it.
    """

    def __init__(self, pattern: str, *words: str) -> None:
        self.pattern = re.compile(pattern, re.IGNORECASE | re.ASCII)
        self.words = words

    def mark(self, user_agent: str, lower_case: str) -> bool:
        """Whether this text is of such a device."""
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
# Robots end in these, as AhrefsBot and Baiduspider do; so do some products that people hold in their hands.
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
    # One name is found where another is that it begins with.
    *(name for name in _ROBOT_NAMES if not any(name != other and other in name for other in _ROBOT_NAMES)),
)
# Words that say it of a program which names no operating system; apps on phones are called such, too.
BOT_WITHOUT_SYSTEM = Marks(
    rf"{_START}(?:[a-z]*(?:monitor(?:ing|s)?|preview(?:er|s)?)|robots?|scanner|checker|fetcher|validator"
    rf"|archiver|scraper|indexer|prerender){_END}",
    *("monitor", "preview", "robot", "scanner", "checker", "fetcher", "validator", "archiver", "scraper"),
    *("indexer", "prerender"),
)

# In the words of the device itself.
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

# What programs of televisions and tablets add behind it.
TV_PROGRAM = Marks(
    rf"{_START}(?:hbbtv|nettv|crkey|omi|viera|smarttva|tivoos|inettvbrowser|dtvnetbrowser)/\d"
    rf"|{_START}tv (?:store|safari)/\d|netcast\.tv|simplesmart\.tv|webos\.tv|{_START}vstvb|\+ce-html"
    rf"|^(?:roku/|appletv\d)",
    *("tv/", "crkey/", "omi/", "viera/", "tva/", "tivoos/", "tv store/", "tv safari/"),
    *("inettvbrowser/", "dtvnetbrowser/", ".tv", "vstvb", "ce-html", "roku/", "appletv"),
)
TABLET_PROGRAM = Marks(rf"{_START}(?:silk|kindle)/\d", "silk/", "kindle/")

_IN_BRACKETS = re.compile(r"\(([^()]*(?:\([^()]*\)[^()]*)*)")
# An iPhone, and no console that says it is like one.
_IPHONE = re.compile(r"(?<!like )\biPhone(?=;|\)|$)")
_APP_OF_A_PHONE = re.compile(r"iP(?:hone|ad|od)[^;]*; i(?:Pad)?OS \d")


def description(user_agent: str) -> str:
    """What the device says of itself: the text in the first brackets, "" where there are none."""
    found = _IN_BRACKETS.search(user_agent)
    return found[1] if found else ""


def is_iphone(described: str) -> bool:
    """Whether the device says that it is an iPhone, whatever its apps are called."""
    return "iPhone" in described and _IPHONE.search(described) is not None


def without_models(user_agent: str, described: str) -> str:
    """The user agent without the names of phones and their apps, in which a robot does not name itself."""
    if "compatible" in described.lower():
        return user_agent
    if "Android" in described:
        return user_agent.replace(described, "", 1)
    if _APP_OF_A_PHONE.match(described):
        return user_agent.partition(described)[2]
    return user_agent
