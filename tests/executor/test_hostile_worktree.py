"""Folders that were prepared to mislead whoever opens them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from codebutler.errors import ToolFailed, UsageError
from codebutler.sandbox.executor import Executor
from codebutler.sandbox.worktree import clean_config, find_git, object_folders, real_folder


async def test_planted_modules_are_never_imported(executor: Executor, folder: Path) -> None:
    """The executor starts in the worktree, whose json.py, tools/ and codebutler/ must stay dead files."""
    for name in (
        "json.py",
        "sitecustomize.py",
        "tools/__main__.py",
        "codebutler/__init__.py",
        "server.py",
        "os.py",
    ):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("open('/tmp/ran', 'w'); open('ran', 'w'); raise SystemExit('planted')\n")
    again = await Executor.start(folder)
    try:
        for name, arguments in {
            "read": {"path": "json.py"},
            "glob": {"pattern": "*.py"},
            "bash": {"command": "test ! -e ran && test ! -e /tmp/ran"},
            "edit": {"path": "os.py", "old": "planted", "new": "x"},
        }.items():
            result = await again.call(name, arguments)
            assert result.ok, result.text
    finally:
        await again.close()
    assert not (folder / "ran").exists()


def test_a_pointer_counts_only_if_the_repository_points_back(linked: Any, folder: Path) -> None:
    found = find_git(linked.tree)
    assert found is not None
    assert found.common == linked.repo / ".git"
    for pointer in (found.gitdir, found.common, folder, "/etc"):
        (folder / ".git").write_text(f"gitdir: {pointer}\n")
        assert find_git(folder) is None


def test_what_pretends_to_be_git_is_none(folder: Path, linked: Any) -> None:
    (folder / ".git").symlink_to(linked.repo / ".git")
    assert find_git(folder) is None
    (folder / ".git").unlink()
    os.mkfifo(folder / ".git")
    assert find_git(folder) is None


async def test_symlinks_in_a_planted_repository_show_nothing(folder: Path, tmp_path: Path) -> None:
    secret = tmp_path / "keys"
    secret.mkdir()
    (secret / "id").write_text("CANARY")
    dot = folder / ".git"
    dot.mkdir()
    (dot / "HEAD").write_text("ref: refs/heads/main\n")
    (dot / "config").write_text("")
    (dot / "objects").mkdir()
    for name in ("refs", "info", "logs"):
        (dot / name).symlink_to(secret)
    (dot / "packed-refs").symlink_to(secret / "id")
    executor = await Executor.start(folder)
    try:
        found = await executor.call(
            "bash", {"command": "cat .git/*/id .git/packed-refs; grep -r CANARY .git/"}
        )
        assert "CANARY" not in found.text
    finally:
        await executor.close()


def test_only_object_stores_are_borrowed_from(linked: Any, tmp_path: Path) -> None:
    common = linked.repo / ".git"
    (tmp_path / "other" / "objects" / "pack").mkdir(parents=True)
    (tmp_path / "other" / "objects" / "info").mkdir()
    (tmp_path / "keys").mkdir()
    (common / "objects/info/alternates").write_text(f"{tmp_path}/keys\n/etc\n{tmp_path}/other/objects\n")
    assert object_folders(common) == [common / "objects", tmp_path / "other" / "objects"]


def test_a_cleaned_config_describes_and_names_nothing(linked: Any) -> None:
    config = linked.repo / ".git" / "config"
    for key, value in {
        "core.autocrlf": "input",
        "core.sshCommand": "ssh -i KEY",
        "core.fsmonitor": "evil",
        "include.path": "/nowhere/passwd",
        "credential.helper": "store",
        "filter.x.clean": "evil",
        "extensions.partialClone": "origin",
    }.items():
        linked.git("config", key, value)
    text = clean_config(config).decode()
    assert 'autocrlf = "input"' in text
    for word in ("TOKEN", "KEY", "evil", "passwd", "store", "partial", "Person", "remote"):
        assert word not in text


@pytest.mark.parametrize("path", ["/", "/etc", "/usr", "/tmp", "/home", "/proc/self", "none", "/dev/shm"])
def test_places_that_are_never_opened(path: str) -> None:
    with pytest.raises(UsageError):
        real_folder(Path(path))


def test_gits_own_records_are_never_opened(linked: Any) -> None:
    for path in (linked.repo / ".git", linked.repo / ".git" / "hooks"):
        with pytest.raises(UsageError, match="git's own records"):
            real_folder(path)
    assert real_folder(linked.repo) == linked.repo.resolve()


def test_the_home_and_what_holds_it_are_never_opened(home: Path) -> None:
    for path in (home, home.parent):
        with pytest.raises(UsageError, match="not opened"):
            real_folder(path)


async def test_instruction_files_that_lead_away_are_refused(
    executor: Executor, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("CANARY")
    (folder / "AGENTS.md").symlink_to(tmp_path / "secret")
    (folder / "up").symlink_to("..")
    os.mkfifo(folder / "CLAUDE.md")
    for name in ("AGENTS.md", "up/secret", "../secret", "CLAUDE.md"):
        with pytest.raises(ToolFailed):
            await executor.read_file(name)


async def test_odd_names_are_handled(hands: Executor, linked: Any) -> None:
    command = r"""touch -- '-rf' '--output=x' $'new\nline' $'tab\t' 'sp ace' $'\xff' '*' ':(top)' """
    assert (await hands.call("bash", {"command": command})).ok
    changes = await hands.status(linked.base)
    assert {change.path for change in changes} >= {"-rf", "--output=x", "new\nline", "sp ace", "*", ":(top)"}
    assert len(changes) == 8
    assert (await hands.tree(linked.base)).skipped == ()
    assert "-rf" in (await hands.call("glob", {"pattern": "*"})).text
