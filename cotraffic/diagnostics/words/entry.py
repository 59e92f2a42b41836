"""An entry of the reference page: a stored code, its words, and its address."""

import msgspec
from django.urls import reverse


class Words(msgspec.Struct, frozen=True):
    """What a stored code means: in a few words, in a sentence; what to do about it; where it is changed."""

    short: str
    meaning: str
    to_do: str
    change: str


class ReferenceEntry(msgspec.Struct, frozen=True):
    """A code with its words; `anchor` is its place on the reference page.

    `metric` is the code as a label of metrics, "" where that is the same.
    """

    code: str
    words: Words
    anchor: str
    metric: str = ""

    @property
    def url(self) -> str:
        """The address of the entry."""
        return f"{reverse('diagnostics:reference')}#{self.anchor}"
