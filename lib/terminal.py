"""Text that others wrote, for a terminal: nothing in it may move the cursor, ring or hide a line."""


def printable(text: str) -> str:
    """The text with every character that is not seen as itself escaped, line ends and bidi marks as well."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else _escaped(each) for each in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")
