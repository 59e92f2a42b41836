"""Lids: version 4 UUIDs (RFC 9562), made many at a time because the system's random source is slow to ask."""

import os

UUIDS_PER_DRAW = 256
_DIGITS = 32
# The two bits of the variant leave four of the sixteen digits.
_VARIANTS = {digit: "89ab"[int(digit, 16) % 4] for digit in "0123456789abcdef"}


class ClickIds:
    """Makes lids. Create one per process: after a fork both copies would return the same lids."""

    def __init__(self) -> None:
        self._random = ""
        self._at = 0

    def __call__(self) -> str:
        """Return a lid that no other call has returned."""
        at = self._at
        if at == len(self._random):
            self._random, at = os.urandom(UUIDS_PER_DRAW * _DIGITS // 2).hex(), 0
        self._at = at + _DIGITS
        it = self._random[at : at + _DIGITS]
        # RFC 9562 fixes two digits: the version, 4, and the variant. All others stay random.
        return f"{it[:8]}-{it[8:12]}-4{it[13:16]}-{_VARIANTS[it[16]]}{it[17:20]}-{it[20:]}"
