"""What a setup leaves is taken without following links, is there wholly or not at all, and goes in time."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from codebutler.repo.discover import Repo, find_repo
from codebutler.setup import shelf
from codebutler.setup.recipes import Recipe


@pytest.fixture
async def repo(git_repo: Path) -> Repo:
    return await find_repo(git_repo)


def recipe(*keep: str) -> Recipe:
    return Recipe("own", ("x",), "make", keep)


def built(repo: Repo, *files: str) -> Path:
    building = shelf.fresh(repo)
    for name in files:
        path = building / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return building


def test_what_is_kept_can_be_found_again(repo: Repo) -> None:
    building = built(repo, "lib/a", "web/gen/b", "api/gen/c", "other/d", "lib/gen/e")
    shelf.publish(building, recipe("lib", "*/gen"), "key")
    found = shelf.find(repo, "key")
    assert found is not None
    assert [name for name, _ in found.kept] == ["lib", "api/gen", "web/gen"]
    assert [(folder / "a").exists() for _, folder in found.kept] == [True, False, False]
    assert sorted(p.name for p in found.folder.iterdir()) == ["deps", "kept", "record.json"]
    assert not building.exists()
    assert shelf.find(repo, "other") is None


def test_links_are_never_taken_nor_followed(repo: Repo, tmp_path: Path) -> None:
    aim = tmp_path / "secret"
    aim.mkdir()
    (aim / "gen").mkdir()
    (aim / "gen" / "key").write_text("secret")
    building = built(repo, "real/gen/x", "inside/key")
    (building / "tree/lib").symlink_to(aim)
    (building / "tree/web").symlink_to(aim)
    os.mkfifo(building / "tree/pipe")
    shelf.publish(building, recipe("lib", "*/gen", "web/gen", "pipe", "inside"), "key")
    found = shelf.find(repo, "key")
    assert found is not None
    assert [name for name, _ in found.kept] == ["real/gen", "inside"]
    assert (aim / "gen" / "key").read_text() == "secret"


def test_names_that_no_mount_should_have_are_left(repo: Repo) -> None:
    building = built(repo, "a b/gen/x", ".codebutler/gen/x", "ok/gen/x", "new\nline/gen/x", ".git/gen/x")
    shelf.publish(building, recipe("*/gen"), "key")
    found = shelf.find(repo, "key")
    assert found is not None
    assert [name for name, _ in found.kept] == ["ok/gen"]


def test_only_so_many_folders_are_taken(repo: Repo) -> None:
    building = built(repo, *(f"p{number}/gen/x" for number in range(shelf.MOST + 5)))
    shelf.publish(building, recipe("*/gen"), "key")
    found = shelf.find(repo, "key")
    assert found is not None
    assert len(found.kept) == shelf.MOST


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"kept": 1}', '{"kept": ["../../x"]}', '{"kept": [".git"]}', '{"kept": [7]}']
)
def test_a_record_that_is_not_ours_counts_for_nothing(repo: Repo, text: str) -> None:
    shelf.publish(built(repo, "lib/a"), recipe("lib"), "key")
    (shelf.shelf(repo) / "key" / shelf.RECORD).write_text(text)
    assert shelf.find(repo, "key") is None
    shelf.publish(built(repo, "lib/b"), recipe("lib"), "key")
    found = shelf.find(repo, "key")
    assert found is not None
    assert (found.kept[0][1] / "b").exists()


def test_a_repo_cannot_bring_a_shelf_of_its_own(repo: Repo, tmp_path: Path) -> None:
    shelf.publish(built(repo, "lib/a"), recipe("lib"), "key")
    here = shelf.shelf(repo)
    here.rename(tmp_path / "moved")
    here.symlink_to(tmp_path / "moved")
    assert shelf.find(repo, "key") is None


def test_half_made_entries_are_swept(repo: Repo) -> None:
    built(repo, "lib/a")
    shelf.publish(built(repo, "lib/a"), recipe("lib"), "key")
    shelf.sweep(repo)
    assert [path.name for path in shelf.shelf(repo).iterdir()] == ["key"]


def test_the_last_used_stay(repo: Repo) -> None:
    day = 86_400
    for number in range(6):
        shelf.publish(built(repo, "lib/a"), recipe("lib"), f"k{number}")
        when = time.time() - number * 3 * day
        os.utime(shelf.shelf(repo) / f"k{number}", (when, when))
    shelf.prune(repo, ["k4"], keep=3)
    assert sorted(path.name for path in shelf.shelf(repo).iterdir()) == ["k0", "k1", "k2", "k4"]
    assert shelf.find(repo, "k4", use=True) is not None
    shelf.prune(repo, keep=3)
    assert sorted(path.name for path in shelf.shelf(repo).iterdir()) == ["k0", "k1", "k4"]


def test_what_was_used_today_is_never_pruned(repo: Repo) -> None:
    for number in range(4):
        shelf.publish(built(repo, "lib/a"), recipe("lib"), f"k{number}")
    shelf.prune(repo, keep=0)
    assert len(list(shelf.shelf(repo).iterdir())) == 4


def test_many_small_files_count_as_blocks(tmp_path: Path) -> None:
    for number in range(100):
        (tmp_path / str(number)).touch()
    (tmp_path / "link").symlink_to("/usr")
    assert 100 * 4096 <= shelf.size(tmp_path, 1 << 40) < 110 * 4096
    assert shelf.size(tmp_path, 10) > 10
