"""The bookkeeping has to be able to fail: a fault test that cannot see a loss proves nothing."""

import pytest

from devstack.services import LOCALHOST, Service, free_port
from tests import http_client
from tests.dynamodb_stub import command
from tests.faults.fault import Fault
from tests.faults.faults import FAULTS
from tests.faults.harness import judge
from tests.faults.reconcile import Account, Answers, Stored, read_answers, reconcile, stored_lids

ONCE = Stored(1, 0)
ARCHIVED = {"a": 1, "b": 1, "c": 1}
PLAIN, LOSING, DRAINING = (
    next(fault for fault in FAULTS if fault.name == name)
    for name in ("worker-killed", "disk-full", "web-stopped")
)


def answers(**fields: int) -> Answers:
    counts = {"answered": 2, "refused": 0, "unanswered": 0, "other_status": 0} | fields
    return Answers(lids={"a", "b"}, longest_gap_ms=1.0, **counts)


def problems(account: Account, fault: Fault = PLAIN, **fields: int) -> list[str]:
    return judge(account, answers(**fields), [fault])


def test_all_is_well() -> None:
    account = reconcile({"a", "b"}, {"a": ONCE, "b": Stored(3, 0)}, ARCHIVED)
    assert (account.answered, account.delivered, account.missing, account.repeats) == (2, 2, [], 2)
    assert problems(account) == []


def test_a_missing_click_is_a_loss() -> None:
    account = reconcile({"a", "b"}, {"a": ONCE}, ARCHIVED)
    assert (account.delivered, account.missing) == (1, ["b"])
    assert problems(account) == ["1 answered clicks are lost, such as b"]


def test_a_click_that_came_twice_differently_is_a_double() -> None:
    account = reconcile({"a", "b"}, {"a": ONCE, "b": Stored(2, 1)}, ARCHIVED)
    assert account.doubles == ["b"]
    assert problems(account) == ["1 clicks came twice with different content, such as b"]


@pytest.mark.parametrize(("counted", "wrong"), [(1, False), (0, True), (2, True)])
def test_what_is_lost_has_to_be_counted_exactly(counted: int, wrong: bool) -> None:
    account = reconcile({"a", "b"}, {"a": ONCE}, ARCHIVED, counted)
    assert bool(problems(account, LOSING)) is wrong
    assert problems(account, PLAIN)


def test_a_fault_that_has_to_lose_and_does_not_was_none() -> None:
    account = reconcile({"a", "b"}, {"a": ONCE, "b": ONCE}, ARCHIVED)
    assert problems(account, LOSING) == ["nothing was lost, so that the fault was none"]


def test_an_unanswered_click_may_be_delivered_unless_the_web_process_ended_in_good_order() -> None:
    account = reconcile({"a", "b"}, {"a": ONCE, "b": ONCE, "c": ONCE}, ARCHIVED)
    assert problems(account, unanswered=1) == []
    assert problems(account, DRAINING, unanswered=1) == ["1 clicks were accepted and not answered"]
    assert problems(account) == ["1 clicks were delivered that nobody made"]


def test_a_delivered_click_that_is_not_archived_is_a_problem() -> None:
    account = reconcile({"a", "b"}, {"a": ONCE, "b": ONCE}, {"a": 1})
    assert account.archived == 1
    assert problems(account) == ["1 delivered clicks are not archived, such as b"]


def test_a_click_that_is_archived_twice_is_a_problem() -> None:
    account = reconcile({"a", "b"}, {"a": ONCE, "b": ONCE}, {"a": 1, "b": 2})
    assert problems(account) == ["1 clicks are archived twice, such as b"]


def test_an_error_page_is_a_problem() -> None:
    account = reconcile({"a", "b"}, {"a": ONCE, "b": ONCE}, ARCHIVED)
    assert problems(account, other_status=1) == ["1 clicks were answered with something else than a redirect"]
    assert "no click was answered at all" in judge(
        reconcile(set(), {}, ARCHIVED), answers(answered=0)._replace(lids=set()), [PLAIN]
    )


def test_answers_are_counted_and_the_longest_gap_is_found() -> None:
    found = read_answers(
        [
            "1000.0 1010.0 answered a\n",
            "1100.0 1900.0 unanswered closed\n",
            "1200.0 1215.0 status 503\n",
            "1300.0 1310.5 answered b\n",
            "1350.0 1350.0 refused -\n",
        ]
    )
    assert found == Answers({"a", "b"}, 2, 1, 1, 1, 300.5)
    assert found.no_answer == 3


def test_a_lid_that_is_answered_twice_cannot_pass() -> None:
    with pytest.raises(ValueError, match="lid of another"):
        read_answers(["1 2 answered a\n", "1 2 answered a\n"])


def test_lids_are_read_from_the_stand_in() -> None:
    port = free_port()
    with Service("stub", command(port), port):
        url = f"http://{LOCALHOST}:{port}"
        assert stored_lids(url) == {}
        for payin in ("1", "1", "2"):
            http_client.post(
                url,
                headers={"X-Amz-Target": "DynamoDB_20120810.PutItem"},
                json={"TableName": "clicks", "Item": {"lid": {"S": "a"}, "payin": {"N": payin}}},
            )
        assert stored_lids(url) == {"a": Stored(3, 1)}
