"""System checks of what an instance needs to answer clicks; `manage.py check` runs them."""

import ipaddress

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.core.exceptions import ImproperlyConfigured
from redis import Redis
from redis.exceptions import RedisError

from lib.redis_url import REDIS_URL_TAG, BadRedisUrl, read_url, unreadable_file
from offers.links.links import REFUSE
from offers.links.tokens import key_bytes
from offers.visitors.geoip import CITY_KINDS, ISP_KINDS
from offers.visitors.geoip_file import GeoFile
from recipes.records.landing_page import BadPage, compile_page, trimmed

REDIS_TIMEOUT_SECONDS = 2.0
REDIS_URL_HINT = (
    "Write redis://USER:PASSWORD@HOST:6379/0, rediss://… for TLS, or unix:///PATH?db=0; in a password "
    "/ @ : ? # are %2F %40 %3A %3F %23. docs/operating.md has the options."
)


@register("cotraffic")
def check_encryption_key(**_: object) -> list[CheckMessage]:
    """E001 without a key, E002 with one of another length than 32 bytes."""
    if settings.AD_TOKEN_V1 == REFUSE and not settings.ENCRYPTION_KEY:
        return []
    if not settings.ENCRYPTION_KEY:
        hint = (
            "Set ENCRYPTION_KEY to the network's 32-byte key; no link of the old form can be read without "
            "it. Where all links are v2, say AD_TOKEN_V1=refuse."
        )
        return [Error("ENCRYPTION_KEY is not set.", hint=hint, id="cotraffic.E001")]
    try:
        key_bytes(settings.ENCRYPTION_KEY)
    except ValueError as error:
        hint = "ENCRYPTION_KEY is the key itself, 32 ASCII characters, neither hexadecimal nor base64."
        return [Error(f"{error}.".capitalize(), hint=hint, id="cotraffic.E002")]
    return []


@register("cotraffic")
def check_socket_hosts(**_: object) -> list[CheckMessage]:
    """E064 for an address of co-recipe that is no URL; every attempt to connect would fail."""
    hint = "Write the whole address, such as https://co-recipe.example.com:3001."
    return [
        Error(f"{name} does not begin with http:// or https://.", hint=hint, id="cotraffic.E064")
        for name in ("SOCKET_HOST", "SOCKET_HOST_SLAVE")
        if (url := getattr(settings, name)) and not url.startswith(("http://", "https://"))
    ]


@register("cotraffic")
def check_geoip(**_: object) -> list[CheckMessage]:
    """E003 for an unusable City database, W003 for an ISP database; clicks are answered without them."""
    messages: list[CheckMessage] = []
    if not settings.MAXMIND_PATH:
        hint = "Point MAXMIND_PATH at a GeoIP2 or GeoLite2 City database."
        messages.append(Error("MAXMIND_PATH is empty.", hint=hint, id="cotraffic.E003"))
    if error := GeoFile(settings.MAXMIND_PATH, CITY_KINDS).error:
        hint = (
            "Put a GeoIP2 or GeoLite2 City database there, or point MAXMIND_PATH at one. Until then every "
            "visitor's country is unknown."
        )
        messages.append(Error(f"MAXMIND_PATH: {error}.", hint=hint, id="cotraffic.E003"))
    if error := GeoFile(settings.MAXMIND_PATH_ISP, ISP_KINDS).error:
        hint = (
            "Put a GeoIP2 ISP or a GeoLite2 ASN database there, point MAXMIND_PATH_ISP at one, or leave it "
            "empty to do without: every visitor's ISP is then unknown."
        )
        messages.append(Warning(f"MAXMIND_PATH_ISP: {error}.", hint=hint, id="cotraffic.W003"))
    return messages


@register("cotraffic", REDIS_URL_TAG)
def check_redis_url(**_: object) -> list[CheckMessage]:
    """E065 if the URL of this instance's Redis cannot be read, or a file that it names."""
    try:
        problem = unreadable_file(read_url(settings.REDIS_URL))
    except BadRedisUrl as error:
        problem = f"{error}."
    return [Error(f"REDIS_URL {problem}", hint=REDIS_URL_HINT, id="cotraffic.E065")] if problem else []


@register("cotraffic")
def check_redis(**_: object) -> list[CheckMessage]:
    """E005 if this instance's Redis does not answer."""
    if check_redis_url():
        return []
    try:
        with Redis.from_url(
            settings.REDIS_URL,
            socket_connect_timeout=REDIS_TIMEOUT_SECONDS,
            socket_timeout=REDIS_TIMEOUT_SECONDS,
        ) as redis:
            redis.ping()
    except (RedisError, OSError) as error:
        hint = (
            "Start Redis (or Valkey), or point REDIS_URL at it; clicks and the recipe are kept there. With "
            "TLS, ssl_ca_certs names a private authority's file, ssl_certfile and ssl_keyfile our own."
        )
        return [Error(f"Redis does not answer: {error}", hint=hint, id="cotraffic.E005")]
    return []


@register("cotraffic")
def check_urls(**_: object) -> list[CheckMessage]:
    """E006 for a redirect URL that cannot be a page, W046 for one with a defect that leaves it in use."""
    found: list[CheckMessage] = []
    for name in ("DEFAULT_REDIRECT_URL", "NOT_FOUND_REDIRECT_URL"):
        value = getattr(settings, name)
        if not trimmed(value) and name == "NOT_FOUND_REDIRECT_URL":
            continue
        try:
            notes = compile_page(value).notes
        except BadPage as error:
            hint = f"Set {name} to an http or https URL such as https://shop.example/."
            found.append(Error(f"{name} {error}.", hint=hint, id="cotraffic.E006"))
        else:
            hint = f"Put {name} right; it works meanwhile."
            found += [Warning(f"{name} {note}.", hint=hint, id="cotraffic.W046") for note in notes]
    return found


@register("cotraffic")
def check_networks(**_: object) -> list[CheckMessage]:
    """E007 and E020 for an entry of TRUSTED_PROXIES or METRICS_ALLOW that is no address and no network."""
    errors: list[CheckMessage] = []
    for name, check_id in {"TRUSTED_PROXIES": "cotraffic.E007", "METRICS_ALLOW": "cotraffic.E020"}.items():
        for entry in getattr(settings, name):
            try:
                ipaddress.ip_network(entry.strip(), strict=False)
            except ValueError as error:
                hint = f"{name} is a comma-separated list such as 10.20.0.0/16,2001:db8::1."
                errors.append(Error(f"{name}: {error}.", hint=hint, id=check_id))
    return errors


@register("cotraffic")
def check_secret_key(**_: object) -> list[CheckMessage]:
    """E008 without a SECRET_KEY outside development."""
    try:
        # Django raises when an empty SECRET_KEY is read.
        if settings.SECRET_KEY:
            return []
    except ImproperlyConfigured:
        pass
    hint = "Set SECRET_KEY to a long random text; it signs the sessions of staff."
    return [Error("SECRET_KEY is not set.", hint=hint, id="cotraffic.E008")]
