"""Makes other people's text safe for a terminal: nothing in it may move the cursor, ring or hide a line."""


def printable(text: str) -> str:
    """Escape every character that does not show as itself, including line ends and bidi marks."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else _escaped(each) for each in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")
