"""Estimates how much memory a message of co-recipe takes, whatever is in it."""

# A number, an empty text or an empty list takes about as much of memory as this many characters.
VALUE_CHARACTERS = 64


def characters(message: object) -> int:
    """Return the characters of all texts in decoded JSON, names included, and some more for each value."""
    size = 0
    waiting = [message]
    # Not recursive: a message may be nested about as deeply as its decoder could go.
    while waiting:
        value = waiting.pop()
        size += VALUE_CHARACTERS
        if isinstance(value, str | bytes):
            size += len(value)
        elif isinstance(value, dict):
            size += sum(map(len, value))
            waiting += value.values()
        elif isinstance(value, list | tuple):
            waiting += value
        elif isinstance(value, int):
            # Thousands of digits, if a sender likes.
            size += value.bit_length() // 8
    return size
