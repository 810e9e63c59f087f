"""``.codebutler/images/``: nothing is replaced, nothing is followed, nothing shows in git."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from codebutler.errors import RepoError
from codebutler.repo import shelf
from codebutler.repo.discover import find_repo

if TYPE_CHECKING:
    from tests.unit.conftest import GitBox


async def test_what_lies_there_is_never_replaced(git_box: GitBox) -> None:
    repo = await find_repo(git_box.root)
    places = [shelf.put(repo, "a.png", data) for data in (b"1", b"2", b"1", b"3", b"2")]
    assert [p.name for p in places] == ["a.png", "a-2.png", "a.png", "a-3.png", "a-2.png"]
    folder = repo.inner / "images"
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == {
        "a.png": b"1",
        "a-2.png": b"2",
        "a-3.png": b"3",
    }
    assert git_box.git("status", "--porcelain") == ""


async def test_no_link_leads_a_picture_elsewhere(git_box: GitBox, tmp_path: Path) -> None:
    repo = await find_repo(git_box.root)
    outside = tmp_path / "outside"
    outside.mkdir()
    repo.inner.mkdir()
    (repo.inner / "images").symlink_to(outside)
    with pytest.raises(RepoError, match="is not a folder"):
        shelf.put(repo, "a.png", b"1")
    (repo.inner / "images").unlink()
    shelf.put(repo, "b.png", b"1")
    (repo.inner / "images" / "a.png").symlink_to(outside / "a.png")
    assert shelf.put(repo, "a.png", b"1").name == "a-2.png"
    assert list(outside.iterdir()) == []


async def test_a_folder_that_cannot_be_written_is_named(git_box: GitBox) -> None:
    repo = await find_repo(git_box.root)
    with pytest.raises(RepoError, match=r"images cannot be written: File name too long"):
        shelf.put(repo, "x" * 300, b"1")
