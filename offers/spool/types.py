"""The values of the spool: a click on its way into the log, and a line that holds none."""

from typing import NamedTuple

# A record begins with {"lid":"..., so the beginning of its lid stands here.
_LID_TAG = slice(8, 16)


class PendingClick(NamedTuple):
    """A click on its way into the log, in the order in which the log's script takes its parts.

    `record` is JSON that begins with the lid. `mark` identifies the visitor; "" means that uniqueness is not
    wanted. `unique` is the answer, "" if it is not known yet. `conversion` is "<due ms> <message>", "" for
    none.
    """

    record: bytes
    mark: str = ""
    unique: str = ""
    conversion: str = ""

    @property
    def lid_tag(self) -> bytes:
        """The beginning of the lid, which tells a click that is written twice from a second click."""
        return self.record[_LID_TAG]


class BrokenLine(NamedTuple):
    """A line of the spool that holds no click: its bytes, and the reason."""

    line: bytes
    error: str

    def fields(self) -> tuple[bytes | str, ...]:
        """Return the fields of the line's dead letter, names and values in turn."""
        return "click", self.line, "unique", "", "error", self.error
