"""A recipe file as a stream of records: everything that can be wrong with it has its own words."""

import gzip
import json
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recipes.file.json_stream import CHUNK_BYTES, RecipeRejected, read_records

LIMIT_BYTES = 10_000_000
RECORDS: list[dict[str, Any]] = [{"offerId": 1, "name": "Größe ✓"}, {"offerId": 2}]
GOOD = json.dumps(RECORDS, ensure_ascii=False)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "recipe.json.gz"


def packed(path: Path, text: str | bytes) -> Path:
    path.write_bytes(gzip.compress(text.encode() if isinstance(text, str) else text))
    return path


def read(path: Path, limit: int = LIMIT_BYTES) -> list[dict[str, Any] | None]:
    return [record.fields for record in read_records(path, limit)]


def complaint(path: Path, limit: int = LIMIT_BYTES) -> str:
    with pytest.raises(RecipeRejected) as caught:
        read(path, limit)
    return str(caught.value)


def test_records_come_decoded_and_as_they_stand_in_the_file(path: Path) -> None:
    text = '[ {"offerId": 1,  "x": "5.50000000"} ,\n{"offerId":2}]\n'
    records = list(read_records(packed(path, text), LIMIT_BYTES))
    assert [record.fields for record in records] == [{"offerId": 1, "x": "5.50000000"}, {"offerId": 2}]
    assert records[0].text == '{"offerId": 1,  "x": "5.50000000"}'


def test_a_file_larger_than_a_chunk_is_read_whole(path: Path) -> None:
    records = [{"offerId": at, "name": "ü€𝄞" * 50} for at in range(1, 5000)]
    text = json.dumps(records, ensure_ascii=False)
    assert len(text.encode()) > 4 * CHUNK_BYTES
    assert read(packed(path, text)) == records


def test_an_empty_array_has_no_records(path: Path) -> None:
    assert read(packed(path, " [ ] ")) == []


def test_a_truncated_file(path: Path) -> None:
    path.write_bytes(gzip.compress(GOOD.encode())[:-4])
    assert "ends early" in complaint(path)


def test_a_file_with_a_wrong_checksum(path: Path) -> None:
    data = bytearray(gzip.compress(GOOD.encode()))
    data[-8] ^= 1
    path.write_bytes(data)
    assert "corrupt" in complaint(path)


def test_a_file_that_is_no_gzip(path: Path) -> None:
    path.write_text(GOOD)
    assert "is no gzip file" in complaint(path)


def test_an_empty_file(path: Path) -> None:
    path.write_bytes(b"")
    assert complaint(path) == "the file is empty"


def test_a_gzip_of_nothing(path: Path) -> None:
    assert "is empty inside" in complaint(packed(path, ""))


def test_a_gzip_file_of_several_members(path: Path) -> None:
    whole = GOOD.encode()
    for at in (1, 20, len(whole) - 1):
        path.write_bytes(gzip.compress(whole[:at]) + gzip.compress(b"") + gzip.compress(whole[at:]))
        assert read(path) == RECORDS


def test_a_gzip_file_that_zeros_pad(path: Path) -> None:
    path.write_bytes(gzip.compress(GOOD.encode()) + bytes(512))
    assert read(path) == RECORDS


def test_a_second_member_that_is_cut_off(path: Path) -> None:
    path.write_bytes(gzip.compress(GOOD[:20].encode()) + gzip.compress(GOOD[20:].encode())[:-4])
    assert "ends early" in complaint(path)


def test_a_byte_order_mark_is_passed_over(path: Path) -> None:
    assert read(packed(path, b"\xef\xbb\xbf" + GOOD.encode())) == RECORDS
    assert "begins with" in complaint(packed(path, b"\xef\xbb\xbf" * 2 + GOOD.encode()))


@pytest.mark.parametrize("element", ["[]", "null", "1", "-1.5", '"text"', "true", "[[1], {}]"])
def test_an_element_that_is_no_object_has_no_fields(path: Path, element: str) -> None:
    records = list(read_records(packed(path, f"[{element}, {element}]"), LIMIT_BYTES))
    assert [(record.fields, record.text) for record in records] == [(None, element)] * 2


def test_a_record_too_deep_to_decode_is_passed_over(path: Path) -> None:
    deep = '{"a":' * 100_000 + "{}" + "}" * 100_000
    first, second = read_records(packed(path, f'[{deep}, {{"offerId": 2}}]'), LIMIT_BYTES)
    assert (first.fields, first.text, first.problem) == (None, deep, "nested too deeply")
    assert second.fields == {"offerId": 2}


def test_a_number_that_the_end_of_a_chunk_cuts_in_two_is_one(path: Path) -> None:
    blanks = " " * (CHUNK_BYTES - 3)
    records = list(read_records(packed(path, f"[{blanks}12345]"), LIMIT_BYTES))
    assert [record.text for record in records] == ["12345"]


def test_white_space_is_passed_over_fast_and_told_of(path: Path) -> None:
    with gzip.open(path, "wb", 1) as file:
        file.write(b"[")
        for _ in range(100):
            file.write(b" \n" * 500_000)
        file.write(b"]")
    chunks: list[int] = []
    started = time.process_time()
    assert list(read_records(path, 2**31, lambda: chunks.append(1))) == []
    # Sixteen seconds, where it is looked at character by character.
    assert time.process_time() - started < 6
    assert len(chunks) > 300


def test_white_space_within_a_record_too(path: Path) -> None:
    blanks = " " * 12_000_000
    assert read(packed(path, f'[{{"offerId":{blanks}1}}]'), 2**31) == [{"offerId": 1}]


def test_a_file_that_holds_little_but_repetition(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recipes.file.json_stream.FREE_EXPANSION_BYTES", 1_000_000)
    assert "more than 250 times as many" in complaint(packed(path, "[" + " " * 5_000_000 + "]"))


def test_a_record_of_as_many_characters_as_may_be_is_read(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recipes.file.json_stream.MAX_RECORD_CHARACTERS", 3 * CHUNK_BYTES)
    blanks = " " * (3 * CHUNK_BYTES - 2)
    assert read(packed(path, f"[{{{blanks}}}, {{{blanks}}}]")) == [{}, {}]


@pytest.mark.parametrize("chunks", [3, 4, 30])
def test_a_longer_one_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch, chunks: int) -> None:
    monkeypatch.setattr("recipes.file.json_stream.MAX_RECORD_CHARACTERS", 3 * CHUNK_BYTES)
    blanks = " " * (chunks * CHUNK_BYTES - 1)
    assert f"{3 * CHUNK_BYTES:,} characters" in complaint(packed(path, f"[{{{blanks}}}]"))


def test_no_more_of_one_is_read_than_a_record_may_have(path: Path) -> None:
    packed(path, "[[" + "{}," * 11_000_000 + "{}]]")
    chunks: list[int] = []
    with pytest.raises(RecipeRejected, match="record 1 is not JSON within 16,777,216 characters"):
        list(read_records(path, 2**31, lambda: chunks.append(1)))
    assert len(chunks) * CHUNK_BYTES <= 16 * 1024 * 1024 + 2 * CHUNK_BYTES


def test_something_behind_the_gzip_data(path: Path) -> None:
    path.write_bytes(gzip.compress(GOOD.encode()) + b"more")
    assert "something behind the gzip data" in complaint(path)


def test_a_file_that_unpacks_to_more_than_is_allowed(path: Path) -> None:
    bomb = packed(path, "[" + " " * 5_000_000)
    assert bomb.stat().st_size < 10_000
    assert complaint(bomb, limit=1_000_000) == "the file unpacks to more than the 1,000,000 bytes allowed"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"offerId": 1}', "holds no JSON array"),
        ('"offers"', "holds no JSON array"),
        ('[{"offerId": 1}', "after record 1 comes nothing more"),
        ('[{"offerId": 1},', "before record 2"),
        ('[{"offerId": 1} {"offerId": 2}]', "after record 1 comes '{'"),
        ('[{"offerId": 1,}]', "record 1 is not JSON"),
        ('[{"offerId": ', "record 1 is not JSON"),
        ('[{"offerId": NaN}]', "record 1 is not JSON: NaN is no number"),
        ('[{"payin": -1e999}]', "record 1 is not JSON: -1e999 is no number"),
        (
            '[{"offerId": 1}, {"offerId": ' + "9" * 5000 + "}]",
            "record 2 holds an integer of thousands of digits",
        ),
        ('[{"offerId": 1}]]', "something behind the JSON array"),
        ("[" * 100_000, "nested too deeply"),
        ("[" + '{"a":' * 100_000, "nested too deeply"),
    ],
)
def test_text_of_another_shape(path: Path, text: str, words: str) -> None:
    assert words in complaint(packed(path, text))


def test_bytes_that_are_no_utf_8(path: Path) -> None:
    assert "not UTF-8" in complaint(packed(path, b'[{"name": "\xff\xff\xff\xff\xff"}]'))


def test_a_character_cut_off_at_the_end(path: Path) -> None:
    assert "middle of a character" in complaint(packed(path, "[]ü".encode()[:-1]))


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200), st.booleans())
def test_no_bytes_raise_anything_but_a_rejection(path: Path, data: bytes, zipped: bool) -> None:
    path.write_bytes(gzip.compress(data) if zipped else data)
    with suppress(RecipeRejected):
        read(path)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(min_value=0, max_value=200), st.integers(min_value=0, max_value=255))
def test_no_damage_to_a_good_file_goes_unnoticed_or_raises_anything_else(
    path: Path, at: int, value: int
) -> None:
    good = gzip.compress(GOOD.encode(), mtime=0)
    data = bytearray(good)
    data[at % len(data)] = value
    path.write_bytes(data)
    # Bytes 4 to 9 of the header are time, flags of the compressor and system: nothing that we read.
    try:
        assert read(path) == RECORDS
    except RecipeRejected:
        assert bytes(data) != good
