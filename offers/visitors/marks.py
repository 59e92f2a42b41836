"""Marks in a user agent: patterns of whole words, and what a device says of itself."""

import re

# No letter or digit stands before a word, and no letter behind it.
START, END = r"(?<![a-z0-9])", r"(?![a-z])"

_IN_BRACKETS = re.compile(r"\(([^()]*(?:\([^()]*\)[^()]*)*)")


class Marks:
    """A pattern, and `words`: each text that it matches has one of them, in lower case.

    Looking for the words first takes a tenth of the time of the pattern, and rules most texts out.
    """

    def __init__(self, pattern: str, *words: str) -> None:
        self.pattern = re.compile(pattern, re.IGNORECASE | re.ASCII)
        self.words = words

    def mark(self, user_agent: str, lower_case: str) -> bool:
        """Return whether the user agent, also given in lower case, has the mark."""
        for word in self.words:
            if word in lower_case:
                return self.pattern.search(user_agent) is not None
        return False


def description(user_agent: str) -> str:
    """Return what the device says of itself: the text in the first brackets, "" if there are none."""
    found = _IN_BRACKETS.search(user_agent)
    return found[1] if found else ""
