"""Deleting what an untrusted program left: never outside, never stuck."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from codebutler.errors import RepoError
from codebutler.repo.removal import delete_tree


def _fill(folder: Path, outside: Path) -> None:
    outside.mkdir()
    (outside / "kept").write_text("kept")
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "1").mkdir()
    (folder / "a" / "1").mkdir()
    (folder / "a" / "b" / "to-dir").symlink_to(outside)
    (folder / "to-file").symlink_to(outside / "kept")
    (folder / "loop").symlink_to(folder)
    os.link(outside / "kept", folder / "a" / "hard")
    os.mkfifo(folder / "a" / "pipe")
    (folder / "a" / "Größe \udcff\n").write_text("x")


def test_everything_goes_and_nothing_outside(tmp_path: Path) -> None:
    _fill(tmp_path / "tree", tmp_path / "outside")
    delete_tree(tmp_path / "tree")
    assert [entry.name for entry in tmp_path.iterdir()] == ["outside"]
    assert (tmp_path / "outside" / "kept").read_text() == "kept"


def test_a_thousand_levels_need_no_thousand_open_files(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    here = os.open(tmp_path / "tree", os.O_RDONLY)
    for _ in range(3000):
        os.mkdir("d", dir_fd=here)
        deeper = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = deeper
    os.close(here)
    delete_tree(tmp_path / "tree")
    assert not (tmp_path / "tree").exists()


def test_what_is_not_there_is_fine(tmp_path: Path) -> None:
    delete_tree(tmp_path / "nothing")


def test_a_link_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "kept").touch()
    (tmp_path / "tree").symlink_to(tmp_path / "outside")
    with pytest.raises(RepoError, match="is not a folder"):
        delete_tree(tmp_path / "tree")
    assert (tmp_path / "outside" / "kept").exists()


_UNPRIVILEGED = """
import os, sys
from pathlib import Path
from codebutler.repo.removal import delete_tree
if os.geteuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
tree = Path(sys.argv[1]) / "tree"
inner = tree / "closed" / "inner"
inner.mkdir(parents=True)
(inner / "file").touch()
for folder in (inner, tree / "closed", tree):
    folder.chmod(0)
delete_tree(tree)
assert not tree.exists()
"""


def test_folders_without_permissions_are_opened_up_by_their_owner(open_tmp: Path) -> None:
    (open_tmp / "place").mkdir()
    (open_tmp / "place").chmod(0o777)
    done = subprocess.run(
        [sys.executable, "-c", _UNPRIVILEGED, str(open_tmp / "place")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
