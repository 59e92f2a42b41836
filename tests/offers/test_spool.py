"""The spool: what was written is there, whoever dies, and nothing is replayed twice at once."""

import multiprocessing
import os
import resource
import signal
from pathlib import Path

import msgspec
import pytest

from offers.spool import Spool, SpooledClick


def clicks(*names: str) -> list[SpooledClick]:
    return [SpooledClick(msgspec.Raw(f'{{"lid":"{name}"}}'.encode()), "1:mark") for name in names]


def lids(spool: Spool) -> list[str]:
    found = [click for file in spool.claim() for batch, _, _ in file.batches(2) for click in batch]
    return [msgspec.json.decode(click.click)["lid"] for click in found]


def test_clicks_come_back_in_the_order_in_which_they_were_written(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "made when needed")
    spool.write(clicks("a", "b", "c"))
    spool.write(clicks("d"))
    assert lids(spool) == ["a", "b", "c", "d"]


def test_a_line_keeps_everything_that_goes_into_the_log(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.write([SpooledClick(msgspec.Raw(b'{"payin":5.10}'), "7:ab", "assumed", "123 {}")])
    ((click,), _, _) = next(spool.claim()[0].batches(10))
    assert click.arguments() == (b'{"payin":5.10}', "7:ab", "assumed", "123 {}")


def test_what_is_written_after_a_claim_goes_to_a_new_file(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.write(clicks("a"))
    first = spool.claim()
    spool.write(clicks("b"))
    assert [len(first), len(spool.claim())] == [1, 2]


def test_a_replayed_file_is_deleted(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.write(clicks("a"))
    for file in spool.claim():
        spool.discard(file)
    assert (lids(spool), list(tmp_path.iterdir())) == ([], [])


def test_a_replay_goes_on_where_it_stopped(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.write(clicks("a", "b", "c"))
    file = spool.claim()[0]
    _, _, file.position = next(file.batches(2))
    assert lids(spool) == ["c"]


def test_the_file_of_a_living_process_is_left_alone(tmp_path: Path) -> None:
    living = Spool(tmp_path)
    living.write(clicks("a"))
    assert lids(Spool(tmp_path)) == []
    assert lids(living) == ["a"]


def write_and_die(directory: Path) -> None:
    Spool(directory).write(clicks("a", "b"))
    os.kill(os.getpid(), signal.SIGKILL)


def test_the_file_of_a_dead_process_is_taken_up_by_one_other(tmp_path: Path) -> None:
    process = multiprocessing.get_context("spawn").Process(target=write_and_die, args=(tmp_path,))
    process.start()
    process.join()
    first, second = Spool(tmp_path), Spool(tmp_path)
    assert (process.exitcode, lids(first), lids(second)) == (-signal.SIGKILL, ["a", "b"], [])


def test_a_torn_line_is_told_from_the_clicks_before_it(tmp_path: Path) -> None:
    (tmp_path / "0-dead.ndjson").write_bytes(b'{"click":{"lid":"a"}}\n{"click":{"lid"')
    ((good,), (broken,), _) = next(Spool(tmp_path).claim()[0].batches(10))
    assert bytes(good.click) == b'{"lid":"a"}'
    assert (broken.line, bool(broken.error)) == (b'{"click":{"lid"', True)


def fill_the_disk(directory: Path) -> None:
    spool = Spool(directory)
    spool.write(clicks("a"))
    # More than the first line and less than the second batch: a disk that fills up half-way.
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
    with pytest.raises(OSError, match="File too large"):
        spool.write(clicks("b", "c", "d", "e"))
    os.kill(os.getpid(), signal.SIGKILL)


def test_of_a_batch_that_does_not_fit_on_the_disk_nothing_is_left(tmp_path: Path) -> None:
    process = multiprocessing.get_context("spawn").Process(target=fill_the_disk, args=(tmp_path,))
    process.start()
    process.join()
    assert (process.exitcode, lids(Spool(tmp_path))) == (-signal.SIGKILL, ["a"])
