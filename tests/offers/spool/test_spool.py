"""The spool: what was written is there, whoever dies, and nothing is replayed twice at once."""

import multiprocessing
import os
import resource
import signal
from pathlib import Path

import msgspec
import pytest

from offers.spool.file import SpoolFile
from offers.spool.replay import Part, parts
from offers.spool.spool import Spool
from offers.spool.types import PendingClick


def clicks(*names: str) -> list[PendingClick]:
    return [PendingClick(f'{{"lid":"{name}"}}'.encode(), "1:mark") for name in names]


def lids(spool: Spool) -> list[str]:
    """What a claimed file holds; it stays claimed."""
    file = spool.claim()
    found = [click for batch, _, _ in file.batches(2) for click in batch] if file else []
    return [msgspec.json.decode(click.record)["lid"] for click in found]


def replayed(found: list[Part]) -> list[str]:
    return [msgspec.json.decode(click.record)["lid"] for part in found for click in part.clicks]


def claimed(spool: Spool) -> SpoolFile:
    file = spool.claim()
    assert file is not None
    return file


def test_clicks_come_back_in_the_order_in_which_they_were_written(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "made when needed")
    spool.write(clicks("a", "b", "c"))
    spool.write(clicks("d"))
    assert lids(spool) == ["a", "b", "c", "d"]


def test_a_line_keeps_everything_that_goes_into_the_log(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.write([PendingClick(b'{"payin":5.10}', "7:ab", "assumed", "123 {}")])
    ((click,), _, _) = next(claimed(spool).batches(10))
    assert click == (b'{"payin":5.10}', "7:ab", "assumed", "123 {}")


def test_what_is_written_after_a_claim_goes_to_a_new_file(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.write(clicks("a"))
    first = claimed(spool)
    spool.write(clicks("b"))
    assert (lids(spool), len(list(tmp_path.iterdir()))) == (["a"], 2)
    spool.discard(first)
    assert lids(spool) == ["b"]


def test_a_replayed_file_is_deleted(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.write(clicks("a"))
    spool.discard(claimed(spool))
    assert (lids(spool), list(tmp_path.iterdir())) == ([], [])


def test_a_replay_goes_on_where_it_stopped(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.write(clicks("a", "b", "c"))
    file = claimed(spool)
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
    ((good,), (broken,), _) = next(claimed(Spool(tmp_path)).batches(10))
    assert good.record == b'{"lid":"a"}'
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


def test_a_claim_starts_no_new_file_while_one_is_claimed(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for _ in range(50):
        spool.write(clicks("a"))
        spool.claim()
    assert len(list(tmp_path.iterdir())) == 2


def test_the_files_of_the_dead_are_adopted_one_at_a_time(tmp_path: Path) -> None:
    for number in range(40):
        (tmp_path / f"{number:02}-dead.ndjson").write_bytes(b'{"click":{"lid":"%d"}}\n' % number)
    spool, before = Spool(tmp_path), len(os.listdir("/proc/self/fd"))
    for number, part in enumerate(parts(spool)):
        assert replayed([part]) == [str(number)]
        assert len(os.listdir("/proc/self/fd")) == before + 1
    assert (list(tmp_path.iterdir()), len(os.listdir("/proc/self/fd"))) == ([], before)


def test_a_file_that_cannot_be_read_holds_up_no_other(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    # It can be opened and locked, and says EIO when it is read.
    (tmp_path / "00-bad.ndjson").symlink_to("/proc/self/mem")
    (tmp_path / "01-dead.ndjson").write_bytes(b'{"click":{"lid":"dead"}}\n')
    spool.write(clicks("own"))
    assert replayed(list(parts(spool))) == ["dead", "own"]


def test_a_file_that_was_put_off_goes_on_later_where_it_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool(tmp_path)
    spool.write(clicks("a", "b", "c"))
    file = claimed(spool)
    _, _, file.position = next(file.batches(2))
    spool.postpone(file)
    assert spool.claim() is None
    monkeypatch.setattr("offers.spool.spool.time.monotonic", lambda: 1e9)
    assert lids(spool) == ["c"]


def test_a_file_that_somebody_deletes_is_replayed_all_the_same(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.write(clicks("a"))
    for path in tmp_path.iterdir():
        path.unlink()
    assert replayed(list(parts(spool))) == ["a"]


def test_clicks_of_a_deleted_file_are_written_anew_with_the_next_click(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.write(clicks("a", "b"))
    for path in tmp_path.iterdir():
        path.unlink()
    spool.write(clicks("c"))
    (path,) = tmp_path.iterdir()
    assert len(path.read_bytes().splitlines()) == 3
    assert (replayed(list(parts(spool))), spool.vanished, spool.missing) == (["a", "b", "c"], 1, 0)


def test_clicks_that_somebody_cut_off_are_counted_and_swallow_none(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.write(clicks("a", "b", "c", "d"))
    (path,) = tmp_path.iterdir()
    os.truncate(path, path.read_bytes().index(b"\n") + 10)
    spool.write(clicks("e"))
    found = list(parts(spool))
    assert replayed(found) == ["a", "e"]
    # Half of b is a dead letter; c and d are gone.
    assert (sum(len(part.broken) for part in found), spool.missing) == (1, 2)


_write = os.write


def half_of(descriptor: int, data: memoryview) -> int:
    _write(descriptor, data[:15])
    raise OSError(5, "the disk is broken")


def no_more(descriptor: int, size: int) -> None:
    raise OSError(5, "the disk is broken")


def test_half_a_line_that_could_not_be_cut_off_swallows_no_click(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool(tmp_path)
    spool.write(clicks("a"))
    with monkeypatch.context() as bad_disk:
        bad_disk.setattr("offers.spool.file.os.write", half_of)
        bad_disk.setattr("offers.spool.file.os.ftruncate", no_more)
        with pytest.raises(OSError, match="disk"):
            spool.write(clicks("lost"))
    spool.write(clicks("b"))
    assert replayed(list(parts(spool))) == ["a", "b"]


def test_a_tail_of_zeros_is_a_dead_letter_and_the_rest_goes_through(tmp_path: Path) -> None:
    (tmp_path / "0-dead.ndjson").write_bytes(b'{"click":{"lid":"a"}}\n' + b"\0" * 3_000_000)
    found = list(parts(Spool(tmp_path)))
    assert replayed(found) == ["a"]
    assert {line.line for part in found for line in part.broken} == {b""}


def test_of_long_garbage_a_dead_letter_keeps_a_part_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "0-dead.ndjson").write_bytes(b"x" * 500_000 + b'\n{"click":{"lid":"a"}}\n')
    found = list(parts(Spool(tmp_path)))
    assert replayed(found) == ["a"]
    (line,) = found[0].broken
    assert len(line.line) < 100_000
    assert "of its bytes are not kept" in line.error


def test_a_conversion_message_without_its_time_is_a_broken_line(tmp_path: Path) -> None:
    (tmp_path / "0-dead.ndjson").write_bytes(
        b'{"click":{"lid":"a"},"conversion":"soon {}"}\n{"click":{"lid":"b"},"conversion":"123 {}"}\n'
    )
    found = list(parts(Spool(tmp_path)))
    assert (replayed(found), len(found[0].broken)) == (["b"], 1)


def test_the_directory_and_its_new_parents_are_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    fsync = os.fsync

    def noted(descriptor: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        fsync(descriptor)

    monkeypatch.setattr("offers.spool.directory.os.fsync", noted)
    Spool(tmp_path / "new" / "deep").write(clicks("a"))
    for directory in (tmp_path, tmp_path / "new", tmp_path / "new" / "deep"):
        assert str(directory) in synced
