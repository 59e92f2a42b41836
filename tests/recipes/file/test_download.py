"""The file on its way from S3 to this machine's disk."""

import errno
import gzip
import os
from typing import TYPE_CHECKING

import pytest

from recipes.file.download import CannotKeepFile, downloaded, local_path
from recipes.records.kinds import RecipeKind
from tests.recipe import temporary_files

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

OFFERS = RecipeKind.OFFERS


def no_progress(done: int, total: int) -> None:
    """Nobody listens."""


@pytest.fixture(autouse=True)
def in_s3(s3: "S3Client") -> None:
    s3.put_object(Bucket="co-recipe-staging", Key="offersRecipe.json.gz", Body=gzip.compress(b"[]"))


def test_a_download_that_is_not_kept_leaves_nothing_behind() -> None:
    with downloaded(OFFERS, None, no_progress) as file:
        assert file
        assert gzip.decompress(file.path.read_bytes()) == b"[]"
    assert not file.path.exists()


def test_a_disk_that_fills_up_is_not_taken_for_a_broken_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_space(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    before = temporary_files(OFFERS)
    monkeypatch.setattr("recipes.file.download.os.fsync", no_space)
    with pytest.raises(CannotKeepFile, match="No space left"), downloaded(OFFERS, None, no_progress):
        pass
    assert temporary_files(OFFERS) == before


def test_what_a_killed_download_left_is_forgotten_once_it_is_old(monkeypatch: pytest.MonkeyPatch) -> None:
    part = local_path(OFFERS).parent / f".{local_path(OFFERS).name}.killed.part"
    part.parent.mkdir(parents=True, exist_ok=True)
    part.touch()
    with downloaded(OFFERS, None, no_progress):
        assert part.exists()
    monkeypatch.setattr("recipes.file.download.ABANDONED_SECONDS", -1)
    with downloaded(OFFERS, None, no_progress):
        assert not part.exists()
