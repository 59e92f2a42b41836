"""System checks of what keeps others out: the keys of links. `manage.py check` runs them."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from offers.links import ACCEPT, REFUSE
from offers.tokens import sealed_keys


@register("cotraffic")
def check_token_keys(**_: Any) -> list[CheckMessage]:
    """E020 for an unknown AD_TOKEN_V1, E021 for bad v2 keys, E022 when no link can be read.

    W023 for a key with two purposes.
    """
    if settings.AD_TOKEN_V1 not in (ACCEPT, REFUSE):
        hint = "Set AD_TOKEN_V1 to accept while links of the old form are in the field, else to refuse."
        return [Error("AD_TOKEN_V1 is neither accept nor refuse.", hint=hint, id="cotraffic.E020")]
    try:
        keys = sealed_keys(settings.AD_TOKEN_KEYS)
    except ValueError as problem:
        hint = (
            "AD_TOKEN_KEYS is a list of <id>:<64 hex digits> with commas between; the first key seals new "
            "links. A new key: openssl rand -hex 32"
        )
        return [Error(f"AD_TOKEN_KEYS: {problem}.", hint=hint, id="cotraffic.E021")]
    if not keys and settings.AD_TOKEN_V1 == REFUSE:
        hint = "Set AD_TOKEN_KEYS, or AD_TOKEN_V1=accept; as it is, every link is a bad one."
        message = "No link can be read: AD_TOKEN_V1=refuse without AD_TOKEN_KEYS."
        return [Error(message, hint=hint, id="cotraffic.E022")]
    secrets = [*keys.values(), settings.ENCRYPTION_KEY.encode()]
    if len(set(secrets)) < len(secrets):
        hint = "Give every id of AD_TOKEN_KEYS a key of its own, another than ENCRYPTION_KEY."
        return [Warning("One key is used for two purposes.", hint=hint, id="cotraffic.W023")]
    return []
