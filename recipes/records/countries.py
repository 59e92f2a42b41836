"""Countries as recipes name them: two-letter codes of ISO 3166-1, alone or in lists of many forms."""

import re
import unicodedata
from functools import lru_cache

import msgspec

from lib.json_nesting import is_too_deep
from recipes.records.blanks import BLANKS, SURROUNDINGS

# The officially assigned codes, https://www.iso.org/obp/ui/#search, as of 2026.
_ASSIGNED = """
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT
    BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH
    ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT
    HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS
    LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI
    NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG
    SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG
    UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW
"""
# Kosovo's code is not assigned by ISO, but GeoIP databases use it.
COUNTRY_CODES = frozenset(_ASSIGNED.split()) | {"XK"}
# Reserved by ISO for this very country, so no other can be meant.
_OTHER_SPELLINGS = {"UK": "GB"}

# White space, and commas, semicolons, bars and strokes of every script.
_SEPARATORS = re.compile(r"[\s,;|/\u055d\u060c\u061b\u3001\ufe50\ufe51\ufe54\uff0c\uff0f\uff1b\uff5c\uff64]+")
_BEGIN_JSON = ("[", "{", '"')
# What lists of databases and programs have around and between their entries.
_AROUND_ENTRIES = SURROUNDINGS + "[](){}\\"
_REMEMBERED_LISTS = 4096


class Countries(msgspec.Struct, frozen=True, gc=False):
    """The countries of a list; `unreadable` are the entries that are no country's code."""

    codes: frozenset[str]
    unreadable: tuple[str, ...]

    @property
    def is_readable(self) -> bool:
        """Whether at least one country was read, or the list is empty."""
        return bool(self.codes) or not self.unreadable


NO_COUNTRIES = Countries(frozenset(), ())


def country_code(text: str) -> str | None:
    """Return the code that `text` means, in capitals; None if it is not clearly one."""
    code = text.strip(SURROUNDINGS)
    if not code.isascii():
        # Full-width letters become ASCII letters, and invisible characters are dropped.
        visible = (c for c in unicodedata.normalize("NFKC", code) if unicodedata.category(c) != "Cf")
        code = "".join(visible)
    if len(code) != 2 or not code.isascii():
        return None
    code = code.upper()
    code = _OTHER_SPELLINGS.get(code, code)
    return code if code in COUNTRY_CODES else None


def countries_in(value: object) -> Countries:
    """Read countries from text, JSON inside text, or a list; anything else is one unreadable entry."""
    if isinstance(value, str):
        return _in_text(value)
    if value is None:
        return NO_COUNTRIES
    if isinstance(value, list):
        return _among(value)
    return Countries(frozenset(), (repr(value),))


# Cached, because many offers have the same list.
@lru_cache(_REMEMBERED_LISTS)
def _in_text(text: str) -> Countries:
    bare = text.strip(BLANKS)
    if bare[:1] in _BEGIN_JSON or bare == "null":
        try:
            found = msgspec.json.decode(bare)
            if not is_too_deep(bare, found):
                return countries_in(found)
        except ValueError:
            return _among([text])
        except RecursionError:
            pass
        # Without its brackets, which mean nothing around an entry, it might look like an empty list.
        return Countries(frozenset(), (text,))
    return _among([text])


def _among(entries: list[object]) -> Countries:
    codes, unreadable = set[str](), []
    for value in entries:
        if not isinstance(value, str):
            unreadable.append(repr(value))
            continue
        for entry in _SEPARATORS.split(value):
            bare = entry.strip(_AROUND_ENTRIES)
            if code := country_code(bare):
                codes.add(code)
            elif bare:
                unreadable.append(entry)
    return Countries(frozenset(codes), tuple(unreadable))
