"""Marks of robots, previews and programs in a user agent: whole words, and no part of a product's name.

The list in `crawlers.py` knows names; this module knows how such names are formed.
"""

import re

from offers.visitors.marks import END, START, Marks

# Programs that fetch, scan, preview or watch pages, and that the published list lacks, or has in another case
# or only where no system is named.
ROBOT_NAMES = (
    *("facebookexternalhit", "facebookexternalua", "facebookcatalog", "watchtowr", "meta-externalagent"),
    *("meta-externalfetcher", "meta-externalads"),
    *("slurp", "nutch", "heritrix", "scrapy", "screaming frog", "ia_archiver", "internetarchive", "xenu"),
    *("daumoa", "ichiro", "larbin", "netvibes", "newsgator", "qwantify", "bubing", "bingpreview", "embedly"),
    *("skypeuripreview", "google web preview", "snap url preview", "slack-imgproxy", "googleimageproxy"),
    *("yahoomailproxy", "flipboardproxy", "iframely", "mediapartners-google", "feedfetcher-google"),
    *("duplexweb-google", "google page speed", "google search console", "appengine-google"),
    *("chrome-lighthouse", "gtmetrix", "pageburst", "catchpoint", "cloudflareobservatory", "httrack"),
    *("elb-healthchecker", "route53-health", "route 53 health", "kakaotalk-scrap", "pingdompagespeed"),
    *("phantomjs", "headless", "headlesschrome", "headlesschromium", "gomezagent", "check_http", "wpscan"),
    *("masscan", "zgrab", "censysinspect", "nmap scripting", "statuscake", "whatweb", "ptst"),
    *("nikto", "sqlmap", "nuclei", "gobuster", "pingdom", "pingdombot", "pingdomtms"),
    *("w3c_validator", "webthumbnail", "pagepeeker", "line-poker", "microsoftpreview"),
)
# Names of robots end in these (AhrefsBot, Baiduspider); so do some phones and apps, see `without_models`.
_NO_ROBOT = r"(?:cu|ab|ca|co|tal|tur|bur|sa|ja|i?ro)bots?|(?:dungeon|rock|rc)crawlers?"
_ROBOT_ENDING = (
    rf"{START}(?!(?:{_NO_ROBOT}){END})[a-z0-9]*(?:bots?|crawl(?:ers?|ing)?){END}"
    rf"|{START}[a-z0-9]*(?:spider(?![a-z]|[ -]?man{END}|[ -]?solitaire)|synthetics?{END})"
)
# Google's many fetchers are Google-Something; its libraries are google-api-… (in its apps) and google-http-….
_GOOGLES = rf"{START}google-(?!api-|http-)[a-z]"
# Where a browser says what it is like, or behind all that, a robot adds its name.
_LIKE_A_BROWSER = r"\(khtml, like gecko; [a-z]|safari/[\d.]+ \(compatible; "
# A robot says where to read about it; browsers and apps name no page.
_ROBOT_PAGE = r"\+https?://|^mozilla/.*\((?:via )?https?://"
# Previews and servers of blogs begin with these, and name no system.
_ROBOT_BEGINNING = r"^(?:whatsapp|wordpress)/"

BOT = Marks(
    f"{_ROBOT_ENDING}|{_GOOGLES}|{_LIKE_A_BROWSER}|{_ROBOT_PAGE}|{_ROBOT_BEGINNING}",
    *("bot", "spider", "crawl", "google-", "gecko; ", "(compatible; ", "synthetic", "http"),
    *("whatsapp/", "wordpress/"),
)
# These mark a robot only if the user agent names no operating system: apps on phones have such names, too.
BOT_WITHOUT_SYSTEM = Marks(
    rf"{START}(?:[a-z]*(?:monitor(?:ing|s)?|preview(?:er|s)?)|robots?|scanner|checker|fetcher|validator"
    rf"|archiver|scraper|indexer|prerender){END}|https?://|[a-z0-9]@[a-z0-9]"
    r"|^mozilla/5\.0 \(compatible(?:\)|; (?!u;|msie|konqueror|ibrowse)[^;()]+[;)])",
    *("monitor", "preview", "robot", "scanner", "checker", "fetcher", "validator", "archiver", "scraper"),
    *("indexer", "prerender", "http://", "https://", "@", "(compatible"),
)
# Libraries and commands that fetch: the first ones name themselves at the beginning, the others anywhere.
PROGRAM = re.compile(
    r"(?:curl|wget2?|java|jnlp|php|ruby|dart|node(?:\.js|-fetch)?|deno|bun|axios|undici|got|superagent|okhttp|faraday"
    r"|typhoeus|httparty|rest-client|apache-httpclient|ahc|ktor-client|reactornetty|akka-http|guzzlehttp"
    r"|restsharp|reqwest|ureq|hyper|httpie|insomnia|python|aiohttp|httpx|k6|apachebench|fasthttp|colly"
    r"|hackney|winhttp|libcurl-agent|cpp-httplib|aria2|lwp-request|alamofire|unirest-java|locust|artillery|vegeta"
    r"|gatling|prometheus|blackbox exporter|kube-probe|googlehc|envoy|microsoft-cryptoapi)"
    r"(?:/| v?\d| \(|$)",
    re.IGNORECASE,
)
PROGRAM_NAMES = (
    *("python-requests", "python-urllib", "python-httpx", "go-http-client", "libwww-perl", "lwp-trivial"),
    *("java-http-client", "google-http-java-client", "windowspowershell", "postmanruntime"),
    *("microsoft office existence discovery", "microsoft office protocol discovery"),
    "winhttp.winhttprequest",
)
PROGRAM_WITHOUT_SYSTEM = Marks(rf"http[-_ ]?client{END}|{START}libcurl{END}", "http", "libcurl")
# Tells previews from other robots; asked only for what is a robot.
PREVIEW = re.compile(
    r"preview|unfurl|external(?:hit|fetcher|ua)|expand|(?:img|image|mail|flipboard)proxy|embedly|iframely"
    r"|whatsapp|(?:twitter|telegram|slack|discord|linkedin|reddit)bot|facebot|kakaotalk|vkshare|line-poker",
    re.IGNORECASE,
)

_APP_OF_A_PHONE = re.compile(r"iP(?:hone|ad|od)[^;]*; i(?:Pad)?OS \d")
# A robot on Android's emulator adds its name as a part of its own; a model has no version behind a slash.
_ROBOT_PART = re.compile(r"(?!Build/)[\w.-]+/\d[\d.]*")


def without_models(user_agent: str, described: str) -> str:
    """Remove the names of phones and their apps, so that one such as CUBOT does not look like a robot."""
    if "compatible" in described.lower():
        return user_agent
    if "Android" in described:
        kept = [part for part in described.split("; ") if _ROBOT_PART.fullmatch(part)]
        return user_agent.replace(described, "; ".join(kept), 1)
    if _APP_OF_A_PHONE.match(described):
        return user_agent.partition(described)[2]
    return user_agent
