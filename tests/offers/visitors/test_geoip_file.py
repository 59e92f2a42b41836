"""A MaxMind file that is missing, broken, of another kind or overwritten in place: no process ends."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from devstack.geoip import Network, write_databases
from offers.visitors import geoip_file
from offers.visitors.geoip import CITY_KINDS, ISP_KINDS
from offers.visitors.geoip_file import GeoFile
from tests.processes import wait_until

PLACES = [
    Network("24.90.0.0/16", "US", "NY", "New York", "Spectrum"),
    Network("82.0.0.0/8", "FR", isp="Free"),
]


@pytest.fixture
def city(tmp_path: Path) -> Path:
    """A good City database."""
    write_databases(PLACES, tmp_path / "City.mmdb", tmp_path / "ISP.mmdb")
    return tmp_path / "City.mmdb"


def country(file: GeoFile, address: str = "24.90.12.34") -> str | None:
    found = file.get(address).get("country", {}).get("iso_code")
    assert found is None or isinstance(found, str)
    return found


def is_in_use(file: GeoFile, wanted: str | None) -> bool:
    file.look()
    return country(file) == wanted


def put(content: bytes, path: Path) -> None:
    """Put a file in place by renaming, as it should be done."""
    draft = path.with_suffix(".new")
    draft.write_bytes(content)
    draft.replace(path)


def half(city: Path) -> bytes:
    content = city.read_bytes()
    return content[: len(content) // 2]


def become_directory(city: Path) -> None:
    city.unlink()
    city.mkdir()


UNUSABLE: dict[str, Callable[[Path], object]] = {
    "missing": lambda city: city.unlink(),
    "empty": lambda city: put(b"", city),
    "half": lambda city: put(half(city), city),
    "text": lambda city: put(b"<html>404 Not Found</html>" * 500, city),
    "noise before a good end": lambda city: put(b"\xff" * 3000 + city.read_bytes()[-300:], city),
    "of another kind": lambda city: put(city.with_name("ISP.mmdb").read_bytes(), city),
    "a directory": become_directory,
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_a_file_that_cannot_be_used_makes_places_unknown_and_says_why(name: str, city: Path) -> None:
    UNUSABLE[name](city)
    file = GeoFile(str(city), CITY_KINDS)
    assert (file.is_open, country(file)) == (False, None)
    assert file.error is not None
    assert str(city) in file.error


@pytest.mark.parametrize("name", UNUSABLE)
def test_a_good_file_heals_it(name: str, city: Path) -> None:
    good = city.read_bytes()
    UNUSABLE[name](city)
    file = GeoFile(str(city), CITY_KINDS)
    if city.is_dir():
        city.rmdir()
    put(good, city)
    wait_until(lambda: is_in_use(file, "US"))
    assert file.error is None


@pytest.mark.parametrize("name", UNUSABLE)
def test_a_file_that_becomes_unusable_leaves_the_good_one_in_use(name: str, city: Path) -> None:
    file = GeoFile(str(city), CITY_KINDS)
    UNUSABLE[name](city)
    wait_until(lambda: file.look() or file.error)
    assert (country(file), file.is_open) == ("US", True)


def test_a_file_that_may_not_be_read_is_tried_again(city: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Permissions mean nothing to root, as whom tests may run.
    monkeypatch.setattr(geoip_file, "open_copy", refuse)
    file = GeoFile(str(city), CITY_KINDS)
    assert file.error is not None
    monkeypatch.undo()
    wait_until(lambda: is_in_use(file, "US"))


def refuse(path: Path, kinds: tuple[str, ...]) -> None:
    raise geoip_file.NotUsable("cannot be read: Permission denied")


def test_a_file_without_a_path_is_not_wanted(city: Path) -> None:
    file = GeoFile("", ISP_KINDS)
    assert (file.error, file.get("24.90.12.34"), file.look()) == (None, {}, False)


OVERWRITTEN = """
import pathlib, sys
from offers.visitors.geoip_file import GeoFile
path = pathlib.Path(sys.argv[1])
good = path.read_bytes()
file = GeoFile(str(path), ("City",))
with path.open("r+b") as target:
    target.truncate(0)
    for first in range(256):
        file.get(f"{first}.90.12.34")
    target.write(good)
print(file.get("24.90.12.34")["country"]["iso_code"])
"""


@pytest.mark.parametrize("is_place", [True, False], ids=["copy on the disk", "copy in memory"])
def test_a_file_that_is_truncated_while_it_is_in_use_ends_no_process(
    is_place: bool, city: Path, tmp_path: Path
) -> None:
    place = tmp_path / f"co-traffic-geoip-{os.geteuid()}"
    if not is_place:
        place.write_text("no directory can be made here")
    done = subprocess.run(
        [sys.executable, "-c", OVERWRITTEN, str(city)],
        env=os.environ | {"TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout.strip()) == (0, "US"), done.stderr


def test_processes_share_one_copy_and_forget_the_one_before(
    city: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    first, second = GeoFile(str(city), CITY_KINDS), GeoFile(str(city), CITY_KINDS)
    (directory,) = tmp_path.glob("co-traffic-geoip-*")
    assert len(list(directory.iterdir())) == 1
    shutil.copy(city, tmp_path / "newer")
    os.replace(tmp_path / "newer", city)
    wait_until(first.look)
    wait_until(second.look)
    assert len(list(directory.iterdir())) == 1


def test_a_directory_of_somebody_else_is_not_used(
    city: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    theirs = tmp_path / f"co-traffic-geoip-{os.geteuid()}"
    theirs.mkdir(mode=0o777)
    theirs.chmod(0o777)
    assert country(GeoFile(str(city), CITY_KINDS)) == "US"
    assert not list(theirs.iterdir())
