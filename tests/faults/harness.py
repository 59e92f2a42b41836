"""One fault after another, each against a system of its own: clicks, the fault, the wait, the bookkeeping."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from tests import http_client
from tests.faults.fault import Broken, Fault, Scale
from tests.faults.reconcile import Account, Answers, archived_lids, read_answers_file, reconcile, stored_lids
from tests.faults.system import Load, System

LOOK_SECONDS = 0.1
# `clicks_status` is a process of its own, and would take from the system what it needs to deliver.
ASK_SECONDS = 3.0
SHOWN_LIDS = 5


class Outcome(NamedTuple):
    """What one fault (or several in a row) came to; `problems` says, in sentences, what is wrong."""

    names: str
    title: str
    answers: Answers
    account: Account
    drain_seconds: float
    problems: list[str]
    logs: str


def run(faults: Sequence[Fault], scale: Scale, rate: float, directory: Path) -> Outcome:
    """Start a system, click `rate` times a second, inject the faults in their order, wait, and reconcile.

    Everything is kept below `directory`. Raises NotUp when the system does not even start.
    """
    disk_bytes = max(fault.disk_bytes for fault in faults)
    variables = {name: value for fault in faults for name, value in fault.variables.items()}
    with System(directory, disk_bytes, variables) as system:
        return _run(system, faults, scale, rate)


def _run(system: System, faults: Sequence[Fault], scale: Scale, rate: float) -> Outcome:
    problems: list[str] = []
    lids: set[str] = set()
    for fault in faults:
        if fault.prepare:
            lids |= fault.prepare(system, scale)
    results = system.directory / "answers"
    load = Load(system, rate, results)
    try:
        load.start()
        for fault in faults:
            time.sleep(scale.before)
            try:
                fault.inject(system, scale)
            except Broken as error:
                problems.append(f"{fault.name}: {error}")
        time.sleep(scale.after)
        load.stop()
    finally:
        load.kill()
    answers = read_answers_file(results)
    lids |= answers.lids
    loses = any(fault.loses for fault in faults)
    drained, status = _drain(system, len(lids), scale.drain, loses)
    stored, archived = stored_lids(system.dynamodb_url), archived_lids(system.archive)
    account = reconcile(lids, stored, archived, int(status.get("lost", 0)))
    problems += judge(account, answers, faults)
    if dropped := (status.get("archive") or {}).get("dropped"):
        problems.append(f"{dropped} clicks were dropped before they were archived")
    if drained is None:
        problems.append(f"not everything was delivered within {scale.drain:g} s: {status}")
    if status.get("dead_letters"):
        problems.append(f"{status['dead_letters']} clicks were set aside as dead letters")
    return Outcome(
        names=", ".join(fault.name for fault in faults),
        title=", ".join(fault.title for fault in faults),
        answers=answers,
        account=account,
        drain_seconds=scale.drain if drained is None else drained,
        problems=problems,
        logs=system.logs(),
    )


def judge(account: Account, answers: Answers, faults: Sequence[Fault]) -> list[str]:
    """What is wrong with an account, in sentences; empty: nothing."""
    problems = []
    missing = len(account.missing)
    if any(fault.loses for fault in faults):
        if not missing:
            problems.append("nothing was lost, so that the fault was none")
        if account.unaccounted:
            problems.append(f"{missing} clicks are lost, and {account.counted_lost} were counted as lost")
    else:
        if missing:
            some = ", ".join(account.missing[:SHOWN_LIDS])
            problems.append(f"{missing} answered clicks are lost, such as {some}")
        if account.counted_lost:
            problems.append(f"{account.counted_lost} clicks were counted as lost")
    if account.doubles:
        some = ", ".join(account.doubles[:SHOWN_LIDS])
        problems.append(f"{len(account.doubles)} clicks came twice with different content, such as {some}")
    if account.not_archived:
        some = ", ".join(account.not_archived[:SHOWN_LIDS])
        problems.append(f"{len(account.not_archived)} delivered clicks are not archived, such as {some}")
    if account.archived_twice:
        some = ", ".join(account.archived_twice[:SHOWN_LIDS])
        problems.append(f"{len(account.archived_twice)} clicks are archived twice, such as {some}")
    if account.strangers > answers.unanswered:
        problems.append(f"{account.strangers - answers.unanswered} clicks were delivered that nobody made")
    if any(fault.drains for fault in faults) and account.strangers:
        problems.append(f"{account.strangers} clicks were accepted and not answered")
    if answers.other_status and not any(fault.refuses for fault in faults):
        problems.append(f"{answers.other_status} clicks were answered with something else than a redirect")
    if not answers.other_status and any(fault.refuses for fault in faults):
        problems.append("nothing was refused, so that the fault was none")
    if not answers.answered:
        problems.append("no click was answered at all")
    return problems


def _drain(
    system: System, clicks: int, within_seconds: float, loses: bool
) -> tuple[float | None, dict[str, Any]]:
    """Wait until all is delivered; gives the seconds it took (None: it did not end), and the last status."""
    started = time.monotonic()
    status: dict[str, Any] = {}
    asked_at = 0.0
    while (passed := time.monotonic() - started) < within_seconds:
        try:
            all_there = http_client.get(f"{system.dynamodb_url}/_stats").json()["lids"] >= clicks
        except httpx.HTTPError:
            all_there = False
        if (all_there and not loses) or time.monotonic() - asked_at >= ASK_SECONDS:
            status = system.status() or status
            asked_at = time.monotonic()
            if _is_empty(status):
                # Workers tell what they have lost twice a second.
                time.sleep(1.5)
                return passed, system.status() or status
        time.sleep(LOOK_SECONDS)
    return None, status


def _is_empty(status: dict[str, Any]) -> bool:
    if not status or status["backlog"] or status["spool"]["clicks"]:
        return False
    return status["archive"] is not None and not status["archive"]["backlog"]
