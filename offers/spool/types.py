"""What the spool takes and gives back."""

from typing import NamedTuple

# A record begins with {"lid":"..., so the beginning of its lid stands here.
_LID_TAG = slice(8, 16)


class PendingClick(NamedTuple):
    """A click on its way into the log, in the order in which the log's script takes its parts.

    `record` is JSON that begins with the lid. `mark` names the visitor, and is "" where nobody wants to know
    whether the visitor is unique; `unique` is what is known of that, "" for nothing yet. `conversion` is
    "<due ms> <conversion message>", "" for none.
    """

    record: bytes
    mark: str = ""
    unique: str = ""
    conversion: str = ""

    @property
    def lid_tag(self) -> bytes:
        """The beginning of the lid, by which a click that is written a second time is recognised."""
        return self.record[_LID_TAG]


class BrokenLine(NamedTuple):
    """A line of the spool that holds no click: its bytes, and why."""

    line: bytes
    error: str

    def fields(self) -> tuple[bytes | str, ...]:
        """What a dead letter holds of it."""
        return "click", self.line, "unique", "", "error", self.error
