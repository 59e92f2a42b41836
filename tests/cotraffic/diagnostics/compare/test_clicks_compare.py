"""`manage.py clicks_compare`: clicks of the older implementation, decided once more."""

import gzip
import json
from pathlib import Path
from typing import Any

import boto3
import pytest
import redis
from django.core.management import call_command
from pytest_django import Settings

from cotraffic.diagnostics.compare.stored import record_in
from recipes.records.kinds import RecipeKind
from recipes.store.store import RecipeStore
from tests.conformance.instance import load_recipe
from tests.conformance.stored import APART_MS, FIRST_MS, stored_clicks
from tests.conformance.test_conformance import EXPECTED_DIFFERENCES
from tests.recipe import change_record

CLICKS = stored_clicks()
# What a difference of the conformance cases may be in, for a comparison of records to see it.
VISIBLE = {"location", "offerId", "payIn", "payOut", "landingPageUrl"}
DAY_MS = 24 * 60 * 60 * 1000


@pytest.fixture
def recipe(redis_client: redis.Redis) -> None:
    load_recipe(RecipeStore(redis_client))


def compared(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    code, out = printed(capsys, *arguments, "--json")
    return code, json.loads(out)


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    code: object = 0
    try:
        call_command("clicks_compare", *arguments)
    except SystemExit as ended:
        code = ended.code
    assert isinstance(code, int)
    return code, capsys.readouterr().out


def write(path: Path, *records: dict[str, Any]) -> str:
    path.write_text("".join(f"{json.dumps(record)}\n" for record in records))
    return str(path)


def visit(number: int, at_ms: int, is_unique: bool) -> dict[str, Any]:
    lid = f"00000000-0000-4000-8000-{number:012}"
    return {**CLICKS["default-004"], "lid": lid, "dateAdded": at_ms, "isUniqueVisit": is_unique}


@pytest.mark.parametrize("case_id", CLICKS)
def test_a_click_differs_where_the_conformance_cases_say_so(
    recipe: None, tmp_path: Path, capsys: pytest.CaptureFixture[str], case_id: str
) -> None:
    _, found = compared(capsys, write(tmp_path / "clicks", CLICKS[case_id]))
    differs = found["refused"] + found["elsewhere"] + found["another_offer"] + found["paid_otherwise"]
    expected = EXPECTED_DIFFERENCES.get(case_id, {"ours": {}})["ours"]
    assert found["unreadable"] == 0
    if not VISIBLE & expected.keys():
        assert differs == 0, found["groups"]


def test_most_of_the_known_differences_are_found_and_grouped_by_rule(
    recipe: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, found = compared(capsys, write(tmp_path / "clicks", *CLICKS.values()))
    visible = [
        case for case in CLICKS if VISIBLE & EXPECTED_DIFFERENCES.get(case, {"ours": {}})["ours"].keys()
    ]
    assert (code, found["clicks"], found["unreadable"]) == (3, len(CLICKS), 0)
    differ = found["elsewhere"] + found["another_offer"] + found["paid_otherwise"] + found["refused"]
    # Empty macros, a choice among candidates, links that we refuse and the campaign of a link whose place the
    # default campaign took cannot be seen in a record.
    assert len(visible) - 5 <= differ <= len(visible)
    rules = {(group["difference"], group["their_rule"], group["our_rule"]) for group in found["groups"]}
    assert ("another offer", "capsCampaignUnderLimit", "capsCampaignUnderLimit") in rules
    assert sum(group["count"] for group in found["groups"]) == differ + found["unique_otherwise"]
    assert all(group["examples"] for group in found["groups"])


def test_the_table_has_totals_and_examples(
    recipe: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out = printed(capsys, write(tmp_path / "clicks", CLICKS["campaignCaps-001"], CLICKS["default-004"]))
    assert "2 clicks, clicked from 2026-" in out
    assert "cannot be read" in out
    assert code in (0, 3)


def test_a_click_is_decided_at_the_time_when_it_was_clicked(
    recipe: None, redis_client: redis.Redis, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dates = '{"startDate":"2026-09-01T00:00:00Z","endDate":"2026-10-01T00:00:00Z"}'
    store = RecipeStore(redis_client)
    offer = json.loads(store.get(RecipeKind.OFFERS, 40002) or b"{}")
    dated = {**offer, "startEndDateSetup": True, "startEndDateSetting": json.loads(dates)}
    change_record(store, RecipeKind.OFFERS, 40002, json.dumps(dated).encode())
    inside, after = visit(1, 1_789_000_000_000, True), visit(2, 1_795_000_000_000, True)
    assert compared(capsys, write(tmp_path / "inside", inside))[1]["elsewhere"] == 0
    assert compared(capsys, write(tmp_path / "after", after))[1]["elsewhere"] == 1


def test_uniqueness_is_judged_in_the_order_of_time(
    recipe: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start = FIRST_MS
    visits = [
        visit(3, start + DAY_MS + 2000, False),
        visit(1, start, True),
        visit(2, start + 1000, True),
        visit(4, start + 2 * DAY_MS + 3000, True),
    ]
    _, found = compared(capsys, write(tmp_path / "clicks", *visits))
    assert (found["same"], found["unique_otherwise"], found["unique_unknown"]) == (2, 2, 1)
    (group,) = (group for group in found["groups"] if group["difference"] == "unique otherwise")
    assert [(one["theirs"], one["ours"]) for one in group["examples"]] == [
        ("unique", "repeated"),
        ("repeated", "unique"),
    ]


def test_gzip_and_dynamodbs_exports_are_read(
    recipe: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exported = {"Item": {"lid": {"S": "x"}, "campaignId": {"N": "1010003"}, "offerId": {"N": "40002"}}}
    assert record_in(json.dumps(exported).encode()) == {"lid": "x", "campaignId": 1010003, "offerId": 40002}
    path = tmp_path / "clicks.gz"
    path.write_bytes(gzip.compress(json.dumps(CLICKS["default-004"]).encode()))
    assert compared(capsys, str(path))[1]["same"] == 1


@pytest.mark.parametrize(
    "line", ["nonsense", "[]", "{}", '{"lid": "x", "dateAdded": "yesterday"}', '{"Item": {"lid": 5}}']
)
def test_what_is_no_click_is_counted_and_costs_no_other(
    recipe: None, tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str
) -> None:
    path = tmp_path / "clicks"
    path.write_text(f"{line}\n\n{json.dumps(CLICKS['default-004'])}\n")
    code, found = compared(capsys, str(path))
    assert (code, found["clicks"], found["unreadable"], found["same"]) == (3, 2, 1, 1)


def test_clicks_of_a_time_are_read_from_dynamodb(
    recipe: None, aws_endpoint: str, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.AWS_DYNAMODB_ENDPOINT = aws_endpoint
    table = boto3.resource(
        "dynamodb", region_name=settings.AWS_DYNAMODB_REGION, endpoint_url=aws_endpoint
    ).create_table(
        TableName="of-the-old-system",
        KeySchema=[{"AttributeName": "lid", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "lid", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    with table.batch_writer() as batch:
        for number in range(60):
            record = visit(number, FIRST_MS + number * APART_MS, True)
            batch.put_item(Item=json.loads(json.dumps(record), parse_float=str))
    times = ("--since", "2026-09-21T14:13:20", "--until", "2026-10-01T14:13:20")
    code, found = compared(capsys, "--table", "of-the-old-system", *times)
    assert (code, found["clicks"], found["paid_otherwise"]) == (0, 10, 0), found


@pytest.mark.parametrize(
    ("arguments", "code"),
    [([], 2), (["file", "--since", "2026-01-01"], 2), (["/no/such/file"], 5)],
)
def test_a_question_that_cannot_be_asked_has_a_code_of_its_own(
    recipe: None, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int
) -> None:
    assert printed(capsys, *arguments)[0] == code


def test_a_table_that_cannot_be_read_is_named(
    recipe: None, aws_endpoint: str, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.AWS_DYNAMODB_ENDPOINT = aws_endpoint
    with pytest.raises(SystemExit) as ended:
        call_command("clicks_compare", "--since", "2026-01-01", "--table", "no-such-table")
    assert ended.value.code == 5
    assert "no-such-table" in capsys.readouterr().err


def test_without_a_recipe_it_says_so(
    redis_client: redis.Redis, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        call_command("clicks_compare", write(tmp_path / "clicks", CLICKS["default-004"]))
    assert ended.value.code == 6
    assert "no recipe of offers and campaigns is live" in capsys.readouterr().err


def test_rules_are_told_in_words_with_their_codes(
    recipe: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    elsewhere = {**CLICKS["default-004"], "landingPageUrl": "https://elsewhere.example/"}
    known = {**elsewhere, "redirectType": "offerGeoRestriction"}
    odd = {**elsewhere, "redirectType": "brandNewRule", "lid": "00000000-0000-4000-8000-000000000001"}
    _, out = printed(capsys, write(tmp_path / "clicks", known, odd))
    assert "country not allowed (offerGeoRestriction) there, " in out
    assert "brandNewRule there, " in out
