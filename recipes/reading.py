"""A gzipped recipe file as a stream of records; neither the file nor its text is ever held as a whole."""

import json
import zlib
from collections.abc import Iterator
from math import isfinite
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

CHUNK_BYTES = 256 * 1024
# Offers with long exit chains reach some ten thousand characters; beyond this, quotes or brackets are broken.
MAX_RECORD_CHARACTERS = 16 * 1024 * 1024
# https://www.rfc-editor.org/rfc/rfc1952#page-6
GZIP_MAGIC = b"\x1f\x8b"
GZIP_WINDOW = 16 + zlib.MAX_WBITS
WHITE_SPACE = " \t\r\n"


class RecipeRejected(ValueError):
    """The file is no recipe that may go live; the message says exactly what is wrong with it."""


class RawRecord(NamedTuple):
    """One record: decoded, and the text that it stands as in the file."""

    fields: dict[str, Any]
    text: str


def read_records(path: Path, max_bytes: int) -> Iterator[RawRecord]:
    """The records of the gzipped JSON array at `path`, which may unpack to `max_bytes` bytes.

    Raises `RecipeRejected` as soon as anything is wrong, which may be after many records.
    """
    return _records(_Text(_unpacked(path, max_bytes)))


def _unpacked(path: Path, max_bytes: int) -> Iterator[bytes]:
    """The decompressed bytes, chunk by chunk; length and checksum in the trailer are verified by zlib."""
    unzip = zlib.decompressobj(GZIP_WINDOW)
    unpacked = 0
    with path.open("rb") as file:
        beginning = file.peek(2)[:2]
        if beginning != GZIP_MAGIC:
            raise RecipeRejected("the file is no gzip file" if beginning else "the file is empty")
        while not unzip.eof:
            packed = unzip.unconsumed_tail or file.read(CHUNK_BYTES)
            if not packed:
                raise RecipeRejected(f"the gzip data ends early, after {unpacked:,} unpacked bytes")
            try:
                # Bounded, because a few kilobytes may unpack to gigabytes.
                chunk = unzip.decompress(packed, CHUNK_BYTES)
            except zlib.error as problem:
                where = f"after {unpacked:,} unpacked bytes"
                raise RecipeRejected(f"the gzip data is corrupt, {where} ({problem})") from None
            unpacked += len(chunk)
            if unpacked > max_bytes:
                raise RecipeRejected(f"the file unpacks to more than the {max_bytes:,} bytes allowed")
            yield chunk
        if unzip.unused_data or file.read(1):
            raise RecipeRejected(f"there is something behind the gzip data of {unpacked:,} unpacked bytes")


class _Text:
    """A sliding window over the file's text."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""
        self.text = ""
        self.at = 0

    def more(self) -> bool:
        """Drop what was read, and add the next chunk; False at the end of the file."""
        chunk = next(self._chunks, None)
        if chunk is None:
            if self._rest:
                raise RecipeRejected("the file ends in the middle of a character")
            return False
        data = self._rest + chunk
        try:
            added, self._rest = data.decode("utf-8"), b""
        except UnicodeDecodeError as problem:
            # A character may be cut in two by the end of a chunk, but by nothing else.
            if problem.start < len(data) - 3:
                raise RecipeRejected(f"the file is not UTF-8 ({problem.reason})") from None
            added, self._rest = data[: problem.start].decode("utf-8"), data[problem.start :]
        self.text = self.text[self.at :] + added
        self.at = 0
        return True

    def next_sign(self) -> str:
        """The next character that is not white space, "" at the end of the file; it is not passed over."""
        while True:
            while self.at < len(self.text) and self.text[self.at] in WHITE_SPACE:
                self.at += 1
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
        except json.JSONDecodeError as problem:
            # It may only be cut off by the end of the window.
            if len(window.text) - window.at > MAX_RECORD_CHARACTERS or not window.more():
                raise RecipeRejected(f"record {number} is not JSON: {problem.msg}") from None
            continue
        except RecursionError:
            raise RecipeRejected(f"record {number} is nested too deeply") from None
        except RecipeRejected as problem:
            raise RecipeRejected(f"record {number} is not JSON: {problem}") from None
        except ValueError:
            # Python refuses to convert them, for that takes time that grows with the square of their length.
            raise RecipeRejected(f"record {number} holds an integer of thousands of digits") from None
        if not isinstance(fields, dict):
            raise RecipeRejected(f"record {number} is not an object but {type(fields).__name__}")
        record = RawRecord(fields, window.text[window.at : end])
        window.at = end
        return record
