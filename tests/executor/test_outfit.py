"""Layers over a worktree: writable, of no consequence, no part of it, and never mounted through a link."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from codebutler.sandbox.executor import Executor
from codebutler.sandbox.outfit import Layer, Outfit, fits

if TYPE_CHECKING:
    from tests.executor.conftest import Linked


@pytest.fixture
def cache(open_tmp: Path) -> Path:
    """What a setup has made."""
    folder = open_tmp / "cache"
    (folder / "bin").mkdir(parents=True)
    (folder / "module.js").write_text("lower\n")
    (folder / "bin" / "git").write_text("#!/bin/sh\necho planted\n")
    (folder / "bin" / "git").chmod(0o755)
    return folder


def laid(cache: Path, linked: Linked, name: str = "mods") -> Outfit:
    layer = Layer(cache, str(linked.tree / name))
    return Outfit((layer,), {"KEY": "value"}, ("/codebutler/tree/mods/bin",), tree=True)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


async def test_a_layer_is_writable_and_what_lies_below_never_changes(linked: Linked, cache: Path) -> None:
    before = contents(cache)
    hands = await _filled(linked, laid(cache, linked))
    spoil = "cd mods; echo upper > module.js; rm -r bin; mkdir new; echo x > new/x; cat module.js; echo $KEY"
    assert (await hands.call("bash", {"command": spoil})).text == "upper\nvalue"
    assert (await hands.call("read", {"path": "mods/new/x"})).ok
    assert (await hands.call("edit", {"path": "mods/module.js", "old": "upper", "new": "edited"})).ok
    await hands.close()
    assert contents(cache) == before
    again = await Executor.start(linked.tree, own=True, outfit=laid(cache, linked))
    assert (await again.call("bash", {"command": "cat mods/module.js; ls mods"})).text.split() == [
        "lower", "bin", "module.js",
    ]  # fmt: skip
    await again.close()


@pytest.mark.parametrize(
    "ignored", ["", "mods/\n", "!mods/\n!mods\n"], ids=["plain", "ignored", "taken back"]
)
async def test_a_layer_is_no_part_of_the_worktree(linked: Linked, cache: Path, ignored: str) -> None:
    hands = await _filled(linked, laid(cache, linked))
    await hands.call("bash", {"command": "echo x > mods/own"})
    base = linked.base
    if ignored:
        await hands.call("write", {"path": ".gitignore", "content": ignored})
    assert [change.path for change in await hands.status(base)] == ([".gitignore"] if ignored else [])
    assert "b/mods" not in await hands.diff(base)
    built = await hands.tree(base)
    assert built.skipped == ()
    if not ignored:
        assert built.tree == linked.git("rev-parse", f"{base}^{{tree}}")
        assert (await hands.call("bash", {"command": "/usr/bin/git status --short"})).text == "(no output)"
    await hands.close()


async def test_programs_of_a_layer_serve_commands_and_never_the_executor(linked: Linked, cache: Path) -> None:
    hands = await _filled(linked, laid(cache, linked))
    assert (await hands.call("bash", {"command": "git"})).text == "planted"
    job = await hands.call("bash", {"command": "git", "background": True})
    assert "planted" in job.text
    await hands.call("write", {"path": "real", "content": "x"})
    assert [change.path for change in await hands.status(linked.base)] == ["real"]
    await hands.close()


async def test_read_only_where_it_must_be(linked: Linked, cache: Path) -> None:
    hands = await _filled(linked, laid(cache, linked).shown())
    said = await hands.call("bash", {"command": "cat mods/module.js; echo x > mods/module.js"})
    assert "lower" in said.text
    assert "Read-only file system" in said.text
    await hands.close()


@pytest.mark.parametrize("name", ["mods", "a/mods", "mods/deep"])
async def test_a_place_that_leads_elsewhere_is_left_alone(
    linked: Linked, cache: Path, tmp_path: Path, name: str
) -> None:
    aim = tmp_path / "aim"
    aim.mkdir(mode=0o777)
    hands = await _filled(linked, Outfit())
    first = name.split("/", maxsplit=1)[0]
    for where in (aim, Path("/oldroot") / aim.relative_to("/")):
        await hands.call("bash", {"command": f"rm -f {first}; ln -s {where} {first}"})
        dressed = await Executor.start(linked.tree, own=True, outfit=laid(cache, linked, name))
        assert "lower" not in (await dressed.call("bash", {"command": f"cat {name}/module.js"})).text
        await dressed.close()
    await hands.close()
    assert list(aim.iterdir()) == []


def test_a_layer_fits_on_real_folders_only(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("real")
    good = ("real", "real/new", "new/deep/er")
    bad = ("file", "link", "link/x", "file/x", "")
    assert all(fits(tmp_path, str(tmp_path / name)) for name in good)
    assert not any(fits(tmp_path, f"{tmp_path}/{name}".rstrip("/")) for name in bad)
    assert fits(tmp_path, "/codebutler/deps/go")


async def _filled(linked: Linked, outfit: Outfit) -> Executor:
    """An executor on the worktree, with the branch's files in it."""
    bare = await Executor.start(linked.tree, own=True)
    await bare.fill(linked.base)
    await bare.close()
    shutil.copy(linked.repo / ".git/index", linked.repo / ".git/worktrees/t/index")
    return await Executor.start(linked.tree, own=True, outfit=outfit)
