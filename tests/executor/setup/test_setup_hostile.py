"""A setup is strangers' code with network: what it tries, and that nothing comes of it."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from codebutler.setup import shelf
from codebutler.setup.service import Outcome

if TYPE_CHECKING:
    from tests.executor.setup.conftest import Ground

SECRET = "CANARY-in-setup"
HOSTILE = {
    "reads the home": "cat {home}/.ssh/id {home}/.codebutler/config.json > lib/got",
    "reads the host's configuration": "cat {butler}/config.json > lib/got",
    "reads its variables": "env > lib/got; cat /proc/*/environ >> lib/got",
    "reads the person's checkout": "cat {repo}/dirty > lib/got; cat {repo}/.codebutler/store.db >> lib/got",
    "reads other branches": "git -C {repo} show secret:secret > lib/got; ls {repo}/.git/objects > lib/got2",
    "reads another thread's worktree": "cat {repo}/.codebutler/branches/other/secret > lib/got",
    "reads by a link that it leaves": "ln -s {home}/.ssh lib/got; ln -s {repo}/dirty lib/got2; cat lib/*",
    "writes into the checkout": "echo bad > {repo}/dirty; echo bad > {repo}/new; touch {repo}/.git/bad",
    "writes beside its tree": "echo bad > ../record.json; echo bad > ../kept/0; mkdir ../../bad",
    "writes into the shelf": "mkdir -p {repo}/.codebutler/branches/.deps/bad; touch {butler}/bad",
    "leaves a setuid program": "cp /bin/true lib/su; chmod 4755 lib/su; chmod 6755 lib",
    "leaves a process": "(setsid sleep 4711 &) ; (trap '' TERM HUP; sleep 4711) & disown; echo",
    "goes around the proxy": "bash -c 'echo GET / > /dev/tcp/127.0.0.1/{port}'",
    "asks for a host that is not listed": "curl -fsS --max-time 5 http://elsewhere.example.org/ > lib/got",
    "makes its own folder a link": "rmdir lib; ln -s {home}/.ssh lib",
    "makes its own folder a device": "rmdir lib; mkfifo lib",
    "makes a folder nobody can enter": "mkdir lib/x; echo a > lib/x/a; chmod 0 lib/x lib",
}


@pytest.mark.parametrize("command", HOSTILE.values(), ids=HOSTILE)
async def test_a_hostile_setup_gets_nothing_and_leaves_nothing(
    ground: Ground, command: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    for path in (home / ".ssh/id", home / ".codebutler/config.json", ground.home / "token"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(SECRET)
    ground.git("checkout", "--quiet", "-b", "secret")
    ground.commit(secret=SECRET)
    ground.git("checkout", "--quiet", "main")
    other = ground.repo / ".codebutler/branches/other"
    places = {"home": home, "butler": ground.home, "repo": ground.repo, "port": ground.twin.port}
    commit = ground.own(f"mkdir lib; {command.format(**places)}; true")
    setups = await ground.setups(setupAllow=["mirror.example.org:80"])
    other.mkdir(parents=True)
    for path in (other / "secret", ground.repo / "dirty", ground.repo / ".codebutler/store.db"):
        path.write_text(SECRET)
    before = _outside(ground, home)
    (part,) = (await setups.begin(commit)).parts
    assert _outside(ground, home) == before
    assert SECRET not in part.output
    assert ground.twin.heard == []
    assert not any("4711" in line for line in _processes())
    for folder, _, files in os.walk(shelf.shelf(setups.repo)):
        for name in files:
            path = Path(folder, name)
            if not path.is_symlink():
                assert SECRET not in path.read_text(errors="replace")
                assert path.stat().st_mode & 0o6000 == 0
    assert {path.name for path in shelf.shelf(setups.repo).iterdir()} <= {part.wanted.key}
    if part.entry is not None:  # what it left is harmless to mount, too
        said, changes, _ = await ground.run(Outcome((part,)), "cat lib/* lib/*/* 2>/dev/null; ls lib")
        assert SECRET not in said
        assert changes == []


def _outside(ground: Ground, home: Path) -> dict[str, bytes]:
    """Every file of the person's, but for the shelf."""
    tops = (ground.repo, ground.home, home)
    files = [path for top in tops for path in top.rglob("*") if ".deps" not in path.parts]
    kept = (path for path in files if path.is_file() and "info/exclude" not in str(path))
    return {str(path): path.read_bytes() for path in kept}


def _processes() -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            found.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return [line for line in found if line.startswith("sleep")]
