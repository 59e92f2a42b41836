"""Reads a gzipped recipe file as a stream of records; neither file nor text is ever in memory as a whole."""

import json
import re
import zlib
from collections.abc import Callable, Iterator
from math import isfinite
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import msgspec

from lib.json_nesting import TOO_DEEP, end_of_value, is_too_deep
from recipes.records.fields import without_lone_surrogates

CHUNK_BYTES = 256 * 1024
# Limits one record. Offers with long exit chains have some ten thousand characters; a longer text means that
# quotes or brackets are broken.
MAX_RECORD_CHARACTERS = 16 * 1024 * 1024
# The end of a record that is too deep to decode is looked for within about as many characters.
MAX_DEEP_CHARACTERS = 1024 * 1024
# https://www.rfc-editor.org/rfc/rfc1952#page-6
GZIP_MAGIC = b"\x1f\x8b"
GZIP_WINDOW = 16 + zlib.MAX_WBITS
BYTE_ORDER_MARK = "\ufeff"
# Limits how far a file may expand. Real recipes unpack to ten times their size, white space to a thousand.
MAX_EXPANSION = 250
# A file that unpacks to less than this may expand by any factor: it costs a second or two.
FREE_EXPANSION_BYTES = 256 * 1024 * 1024
WHITE_SPACE = re.compile(r"[ \t\r\n]*")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class RecipeRejected(ValueError):
    """The file must not go live; the message says exactly what is wrong with it."""


class RawRecord(msgspec.Struct, gc=False):
    """One element of the array, decoded and as its text in the file.

    `fields` is None for an element that is not an object, such as `[]` or null, and for one that cannot be
    decoded. `problem` says why an object must not be used, else it is empty.
    """

    fields: dict[str, object] | None
    text: str
    problem: str = ""


def _nothing() -> None:
    """Ignore the chunk."""


def read_records(
    path: Path, max_bytes: int, on_chunk: Callable[[], object] = _nothing
) -> Iterator[RawRecord]:
    """Yield the elements of the gzipped JSON array at `path`, which may unpack to `max_bytes` bytes.

    `on_chunk` is called for every unpacked quarter of a megabyte, whether it holds records or not. Raises
    `RecipeRejected` as soon as anything is wrong, which may be after many records.
    """
    return _records(_Text(_unpacked(path, max_bytes, on_chunk)))


def _unpacked(path: Path, max_bytes: int, on_chunk: Callable[[], object]) -> Iterator[bytes]:
    """Yield the decompressed bytes of every member by chunks; zlib verifies lengths and checksums."""
    packed_bytes = path.stat().st_size
    unpacked = 0
    with path.open("rb") as file:
        beginning = file.peek(2)[:2]
        if beginning != GZIP_MAGIC:
            raise RecipeRejected("the file is no gzip file" if beginning else "the file is empty")
        waiting: bytes | None = b""
        while waiting is not None:
            unzip = zlib.decompressobj(GZIP_WINDOW)
            while not unzip.eof:
                packed = unzip.unconsumed_tail or waiting or file.read(CHUNK_BYTES)
                waiting = b""
                if not packed:
                    raise RecipeRejected(f"the gzip data ends early, after {unpacked:,} unpacked bytes")
                try:
                    # Bounded, because a few kilobytes can unpack to gigabytes.
                    chunk = unzip.decompress(packed, CHUNK_BYTES)
                except zlib.error as error:
                    where = f"after {unpacked:,} unpacked bytes"
                    raise RecipeRejected(f"the gzip data is corrupt, {where} ({error})") from None
                unpacked += len(chunk)
                _refuse_a_bomb(unpacked, packed_bytes, max_bytes)
                on_chunk()
                yield chunk
            waiting = _next_member(unzip.unused_data, file, unpacked)


def _refuse_a_bomb(unpacked: int, packed_bytes: int, max_bytes: int) -> None:
    if unpacked > max_bytes:
        raise RecipeRejected(f"the file unpacks to more than the {max_bytes:,} bytes allowed")
    if unpacked > FREE_EXPANSION_BYTES and unpacked > packed_bytes * MAX_EXPANSION:
        raise RecipeRejected(
            f"the file of {packed_bytes:,} bytes unpacks to more than {MAX_EXPANSION} times as many: it "
            "holds next to nothing but repetition"
        )


def _next_member(rest: bytes, file: BinaryIO, unpacked: int) -> bytes | None:
    """Return the beginning of the next gzip member; None at the end of the file, which zeros may pad."""
    while not (rest := rest.lstrip(b"\0")):
        rest = file.read(CHUNK_BYTES)
        if not rest:
            return None
    if len(rest) < len(GZIP_MAGIC):
        rest += file.read(CHUNK_BYTES)
    if not rest.startswith(GZIP_MAGIC):
        raise RecipeRejected(f"there is something behind the gzip data of {unpacked:,} unpacked bytes")
    return rest


class _Text:
    """A sliding window over the file's text; `at` is the place up to which it was read."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""
        self._begun = False
        self.text = ""
        self.at = 0

    def more(self) -> bool:
        """Drop what was read, and append the next chunk. Returns False at the end of the file."""
        chunk = next(self._chunks, None)
        if chunk is None:
            if self._rest:
                raise RecipeRejected("the file ends in the middle of a character")
            return False
        data = self._rest + chunk
        try:
            added, self._rest = data.decode("utf-8"), b""
        except UnicodeDecodeError as error:
            # The end of a chunk may cut a character in two; half of one anywhere else is an error.
            if error.start < len(data) - 3:
                raise RecipeRejected(f"the file is not UTF-8 ({error.reason})") from None
            added, self._rest = data[: error.start].decode("utf-8"), data[error.start :]
        if added and not self._begun:
            # RFC 8259 lets a reader ignore a byte order mark.
            added, self._begun = added.removeprefix(BYTE_ORDER_MARK), True
        self.text = self.text[self.at :] + added
        self.at = 0
        return True

    def twice(self) -> bool:
        """Read on until there is twice as much to decode, or more than one record may have.

        Returns False at the end of the file.
        """
        wanted, more = min(2 * (len(self.text) - self.at), MAX_RECORD_CHARACTERS + 1), False
        while len(self.text) - self.at < wanted and self.more():
            more = True
        return more

    def next_sign(self) -> str:
        """Return the next character that is not white space without consuming it; "" at the file's end."""
        if self.at < len(self.text) and (sign := self.text[self.at]) not in " \t\r\n":
            return sign
        while True:
            self.at = WHITE_SPACE.match(self.text, self.at).end()  # type: ignore[union-attr]
            if self.at < len(self.text):
                return self.text[self.at]
            if not self.more():
                return ""


def _no_such_number(word: str) -> NoReturn:
    raise RecipeRejected(f"{word} is no number")


def _finite(digits: str) -> float:
    number = float(digits)
    return number if isfinite(number) else _no_such_number(digits)


def _records(window: _Text) -> Iterator[RawRecord]:
    sign = window.next_sign()
    if sign != "[":
        what = "is empty inside" if not sign else f"holds no JSON array, it begins with {sign!r}"
        raise RecipeRejected(f"the file {what}")
    window.at += 1
    decode = json.JSONDecoder(parse_float=_finite, parse_constant=_no_such_number).raw_decode
    number = 0
    if window.next_sign() != "]":
        while True:
            number += 1
            yield _one_record(window, decode, number)
            sign = window.next_sign()
            if sign == "]":
                break
            if sign != ",":
                what = f"{sign!r}" if sign else "nothing more"
                raise RecipeRejected(f"after record {number} comes {what}, where , or ] is expected")
            window.at += 1
    window.at += 1
    if window.next_sign():
        raise RecipeRejected("there is something behind the JSON array")


def _one_record(window: _Text, decode: Any, number: int) -> RawRecord:
    if window.next_sign() == "":
        raise RecipeRejected(f"the JSON ends early, before record {number}")
    while True:
        try:
            fields, end = decode(window.text, window.at)
        except json.JSONDecodeError as error:
            # The end of the window may have cut the record off. Twice as much each time: decoding a long
            # record from its beginning for every chunk would take quadratic time.
            if len(window.text) - window.at > MAX_RECORD_CHARACTERS:
                raise RecipeRejected(
                    f"record {number} is not JSON within {MAX_RECORD_CHARACTERS:,} characters: {error.msg}"
                ) from None
            if not window.twice():
                raise RecipeRejected(f"record {number} is not JSON: {error.msg}") from None
            continue
        except RecursionError:
            end = end_of_value(window.text, window.at)
            if end is not None:
                return _undecoded(window, end)
            if len(window.text) - window.at > MAX_DEEP_CHARACTERS or not window.twice():
                raise RecipeRejected(f"record {number} is {TOO_DEEP}, and its end is not found") from None
            continue
        except RecipeRejected as error:
            raise RecipeRejected(f"record {number} is not JSON: {error}") from None
        except ValueError:
            # Python refuses to convert very long numbers, because that takes quadratic time.
            raise RecipeRejected(f"record {number} holds an integer of thousands of digits") from None
        if not isinstance(fields, dict) and end == len(window.text) and window.more():
            # A number at the end of the window may go on in the next chunk.
            continue
        if end - window.at > MAX_RECORD_CHARACTERS:
            raise RecipeRejected(f"record {number} has more than {MAX_RECORD_CHARACTERS:,} characters")
        text = window.text[window.at : end]
        window.at = end
        return _whole(fields if isinstance(fields, dict) else None, text, decode)


def _undecoded(window: _Text, end: int) -> RawRecord:
    """Pass over a value that is too deep to decode."""
    text = window.text[window.at : end]
    window.at = end
    return RawRecord(None, text, TOO_DEEP if text.startswith("{") else "")


def _whole(fields: dict[str, object] | None, text: str, decode: Any) -> RawRecord:
    """Replace halves of surrogate pairs, which msgspec, the workers' decoder, rejects and json accepts."""
    if fields is not None and is_too_deep(text, fields):
        return RawRecord(fields, text, TOO_DEEP)
    # Only an escape can be one, because the file is UTF-8.
    if "\\u" in text and fields is not None and _SURROGATE.search(text):
        whole = without_lone_surrogates(text)
        if whole != text:
            return RawRecord(decode(whole, 0)[0], whole)
    return RawRecord(fields, text)
