"""System checks of links' keys and of access to the staff pages; `manage.py check` runs them."""

import re

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from offers.click_paths import TAKEN_PARTS
from offers.links.links import ACCEPT, REFUSE, click_paths
from offers.links.tokens import sealed_keys

_PATH = re.compile(r"(?:[A-Za-z0-9._~-]+/)+")


@register("cotraffic")
def check_token_keys(**_: object) -> list[CheckMessage]:
    """E060 for an unknown AD_TOKEN_V1, E021 for bad v2 keys, E022 if no link can be read.

    W023 for a key that has two purposes.
    """
    if settings.AD_TOKEN_V1 not in (ACCEPT, REFUSE):
        hint = "Set AD_TOKEN_V1 to accept while links of the old form are in the field, else to refuse."
        return [Error("AD_TOKEN_V1 is neither accept nor refuse.", hint=hint, id="cotraffic.E060")]
    try:
        keys = sealed_keys(settings.AD_TOKEN_KEYS)
    except ValueError as error:
        hint = (
            "AD_TOKEN_KEYS is a list of <id>:<64 hex digits> with commas between; the first key seals new "
            "links. A new key: openssl rand -hex 32"
        )
        return [Error(f"AD_TOKEN_KEYS: {error}.", hint=hint, id="cotraffic.E021")]
    if not keys and settings.AD_TOKEN_V1 == REFUSE:
        hint = "Set AD_TOKEN_KEYS, or AD_TOKEN_V1=accept; as it is, every link is a bad one."
        message = "No link can be read: AD_TOKEN_V1=refuse without AD_TOKEN_KEYS."
        return [Error(message, hint=hint, id="cotraffic.E022")]
    secrets = [*keys.values(), settings.ENCRYPTION_KEY.encode()]
    if len(set(secrets)) < len(secrets):
        hint = "Give every id of AD_TOKEN_KEYS a key of its own, another than ENCRYPTION_KEY."
        return [Warning("One key is used for two purposes.", hint=hint, id="cotraffic.W023")]
    return []


@register("cotraffic")
def check_admin_path(**_: object) -> list[CheckMessage]:
    """E024 for a path that the staff pages cannot have."""
    path = settings.ADMIN_PATH
    if _PATH.fullmatch(path) and path.partition("/")[0].lower() not in TAKEN_PARTS:
        return []
    hint = (
        "Set ADMIN_PATH to a path such as back-office/: letters, digits, dots, hyphens and underscores, and "
        f"none that begins with {', '.join(sorted(TAKEN_PARTS))}."
    )
    return [Error(f"ADMIN_PATH cannot be {path!r}.", hint=hint, id="cotraffic.E024")]


@register("cotraffic")
def check_click_aliases(**_: object) -> list[CheckMessage]:
    """E047 for an entry of CLICK_ALIASES that cannot be the path of a click."""
    try:
        click_paths()
    except ValueError as error:
        hint = (
            "CLICK_ALIASES is a list such as /ad?ad,/pl?o: a path, a question mark, and the parameter that "
            "holds the token. /offer is answered anyway; the paths of staff pages and probes are taken."
        )
        return [Error(f"{error}.", hint=hint, id="cotraffic.E047")]
    return []


@register("cotraffic")
def check_login_limits(**_: object) -> list[CheckMessage]:
    """E025 for limits that would lock everyone out, or no one."""
    if settings.LOGIN_FAILURE_LIMIT > 0 and settings.LOGIN_WAIT_MINUTES > 0:
        return []
    hint = "Set LOGIN_FAILURE_LIMIT and LOGIN_WAIT_MINUTES to 1 or more."
    return [Error("Failed attempts to sign in are not limited.", hint=hint, id="cotraffic.E025")]


@register(Tags.security, deploy=True)
def check_https(**_: object) -> list[CheckMessage]:
    """W026 if no proxy is trusted to say that a request came over HTTPS."""
    if not settings.HTTPS_ONLY or settings.TRUSTED_PROXIES:
        return []
    hint = "Set TRUSTED_PROXIES to the load balancer that ends TLS; without, staff pages redirect forever."
    return [Warning("HTTPS_ONLY without TRUSTED_PROXIES.", hint=hint, id="cotraffic.W026")]
