"""Room and descriptors that the spool keeps for bad times."""

import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from offers.spool.replay import parts
from offers.spool.reserve import SpoolReserve
from offers.spool.spool import Spool
from tests.offers.spool.test_spool import clicks, replayed

SIZE = 256 * 1024
needs_mount = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of four megabytes."""
    directory = tmp_path / "disk"
    directory.mkdir()
    mounted = subprocess.run(["/bin/mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", directory], check=False)
    if mounted.returncode:
        pytest.skip("nothing may be mounted here")
    yield directory
    subprocess.run(["/bin/umount", "-l", directory], check=True)


def fill(directory: Path) -> None:
    """Leave no room on a disk."""
    with (directory / "filling").open("wb", buffering=0) as file, suppress(OSError):
        while file.write(b"x" * 4096):
            pass


@contextmanager
def no_descriptor_left() -> Iterator[None]:
    """This process may open nothing more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(map(int, os.listdir("/proc/self/fd"))) + 1, hard))
    taken = []
    try:
        with suppress(OSError):
            while True:
                taken.append(os.open(os.devnull, os.O_RDONLY))
        yield
    finally:
        for descriptor in taken:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_the_reserve_has_its_room_although_it_is_empty(tmp_path: Path) -> None:
    reserve = SpoolReserve(tmp_path, SIZE)
    reserve.refill()
    (path,) = tmp_path.iterdir()
    assert (path.stat().st_size, path.stat().st_blocks * 512 >= SIZE, reserve.is_full) == (0, True, True)


def test_processes_have_a_reserve_each_and_use_that_of_the_dead_again(tmp_path: Path) -> None:
    (tmp_path / ".reserve-0").touch()
    living = [SpoolReserve(tmp_path, SIZE) for _ in range(2)]
    for reserve in living:
        reserve.refill()
        reserve.refill()
    assert sorted(path.name for path in tmp_path.iterdir()) == [".reserve-0", ".reserve-1"]


@needs_mount
def test_a_full_disk_takes_clicks_until_the_reserve_is_used_up(small_disk: Path) -> None:
    spool = Spool(small_disk, SIZE)
    spool.refill_reserve()
    spool.write(clicks("before"))
    fill(small_disk)
    written = ["before"]
    with suppress(OSError):
        while len(written) < 100_000:
            spool.write(clicks(str(len(written))))
            written.append(str(len(written)))
    assert len(written) < 100_000
    assert len(written) * len(b'{"click":{"lid":"0000"},"mark":"1:mark"}') > SIZE / 2
    assert replayed(list(parts(spool))) == written


@needs_mount
def test_a_small_disk_keeps_most_of_its_room(small_disk: Path) -> None:
    SpoolReserve(small_disk, 1024**3).refill()
    room = os.statvfs(small_disk)
    assert room.f_bavail / room.f_blocks > 0.85


@needs_mount
def test_a_probe_says_whether_there_is_room_and_leaves_nothing(small_disk: Path) -> None:
    spool = Spool(small_disk)
    spool.write(clicks("a"))
    spool.probe()
    fill(small_disk)
    with pytest.raises(OSError, match="No space"):
        spool.probe()
    (small_disk / "filling").unlink()
    spool.probe()
    assert replayed(list(parts(spool))) == ["a"]


@needs_mount
def test_a_disk_that_has_become_read_only_is_noticed_before_a_click_needs_it(small_disk: Path) -> None:
    spool = Spool(small_disk)
    spool.refill_reserve()
    subprocess.run(["/bin/mount", "-o", "remount,ro", small_disk], check=True)
    with pytest.raises(OSError, match="takes no new files"):
        spool.refill_reserve()
    subprocess.run(["/bin/mount", "-o", "remount,rw", small_disk], check=True)
    spool.refill_reserve()
    spool.close_reserve()


def test_where_no_descriptor_is_left_clicks_are_spooled_all_the_same(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.refill_reserve()
    with no_descriptor_left():
        spool.write(clicks("a"))
    assert replayed(list(parts(spool))) == ["a"]


def test_where_no_descriptor_is_left_the_open_file_is_replayed(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.write(clicks("a"))
    with no_descriptor_left():
        file = spool.claim()
        assert file is not None
        assert [click.mark for batch, _, _ in file.batches(5) for click in batch] == ["1:mark"]
