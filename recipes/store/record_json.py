"""A record's JSON together with its values, which are decoded once however many ask for them."""

import hashlib
from contextlib import suppress
from functools import cached_property

import msgspec

# 64 bits of BLAKE2b: enough to tell the few versions of one record apart.
DIGEST_BYTES = 8

_fields_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])


class RecordJson:
    """The JSON of one record, as it was sent or as it is live."""

    def __init__(self, text: bytes) -> None:
        self.text = text

    @cached_property
    def values(self) -> dict[str, object]:
        """The record's fields. Raises `msgspec.DecodeError` or `RecursionError` without a JSON object."""
        return msgspec.json.decode(self.text, type=dict[str, object])

    @cached_property
    def digest(self) -> str:
        """A digest of the record's values, whatever their spelling."""
        # Bytes that are not JSON, and numbers beyond 64 bits, are digested as they are spelt.
        spelt = self.text
        with suppress(msgspec.MsgspecError, ArithmeticError, RecursionError):
            spelt = msgspec.json.encode(self.values, order="deterministic")
        return hashlib.blake2b(spelt, digest_size=DIGEST_BYTES).hexdigest()

    @cached_property
    def sha1(self) -> str:
        """The SHA-1 of `text`, by which Redis knows the record again."""
        return hashlib.sha1(self.text, usedforsecurity=False).hexdigest()

    def completed(self, live: "RecordJson") -> "RecordJson":
        """Return this record with the fields that only the live one has; all values keep their spelling."""
        try:
            lacking = live.values.keys() - self.values.keys()
        except (msgspec.DecodeError, RecursionError):
            return self
        if not lacking:
            return self
        spelt = _fields_decoder.decode(live.text)
        added = msgspec.json.encode({name: value for name, value in spelt.items() if name in lacking})
        before = self.text.rstrip().removesuffix(b"}").rstrip()
        comma = b"," if self.values else b""
        completed = RecordJson(before + comma + added.removeprefix(b"{"))
        # Known without decoding the new text.
        completed.values = {**self.values, **{name: live.values[name] for name in lacking}}
        return completed
