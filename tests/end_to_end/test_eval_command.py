"""``codebutler eval`` as a person runs it: table, figures, exit codes, caps, Ctrl-C, nothing left behind."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import signal
import subprocess
from pathlib import Path

import pytest

from codebutler.cli.main import main
from codebutler.evaluation.loading import load
from codebutler.evaluation.rehearsal import scenario
from codebutler.store.store import Store
from codebutler.testing.scenario import Scenario
from codebutler.testing.scripted import ScriptedModel
from codebutler.testing.stage import PROGRAM

KEY = "sk-canary-0123456789abcdefghij"
TOKEN = "ghp_aB3dE6gH9jK2mN5pQ8rS1tU4vW7xY0zA3bC6"


def script(name: str, run: int, **changed: object) -> Scenario:
    """A scripted run of a shipped eval, as a server plays it."""
    evaluation = load(name).evaluation
    played = scenario(evaluation, evaluation.runs[run])
    return Scenario.model_validate({**played.model_dump(), **changed})


class Shell:
    """Runs the command with a home and a folder for temporary files of its own."""

    def __init__(self, folder: Path, url: str = "") -> None:
        self.temporary = folder / "tmp"
        self.temporary.mkdir(mode=0o755)
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "TMPDIR": str(self.temporary),
            **({"OPENAI_BASE_URL": url, "OPENAI_API_KEY": KEY} if url else {}),
        }

    async def start(self, *words: str, stdin: int = subprocess.DEVNULL) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *PROGRAM, "eval", *words, cwd=self.temporary, env=self.env, stdin=stdin,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    async def run(self, *words: str) -> tuple[int, str, str]:
        process = await self.start(*words)
        out, err = await asyncio.wait_for(process.communicate(), 100)
        return process.returncode or 0, out.decode(), err.decode()

    def left(self) -> list[str]:
        """What lies in the folder for temporary files."""
        return [p.name for p in self.temporary.iterdir()]


async def spent_today(home: Path) -> float:
    """Dollars that the host's cap of a day has counted."""
    ledger = await Store.open(home / "global.db")
    try:
        return sum([await ledger.spent(scope) for scope in await ledger.scopes("day:")])
    finally:
        await ledger.close()


async def test_runs_that_pass_are_added_up(open_tmp: Path) -> None:
    team = open_tmp / ".codebutler/prompts/shared.md"
    team.parent.mkdir(parents=True)
    team.write_text("Be as brief as a telegram.")
    played = script("question", 0, price={"input": 1.0, "output": 2.0})
    for step in played.scripts[0].steps:
        step.expect_prompt.append("Be as brief as a telegram.")
    async with ScriptedModel(played) as server:
        shell = Shell(open_tmp, server.url)
        words = ("question", "--runs", "2", "--model", "scripted", "--role-model", "lead=scripted/lead")
        code, out, err = await shell.run(*words, "--json", "--prompts", str(open_tmp))
        assert server.failures == []
    assert code == 0, err
    found = json.loads(out)
    assert found["total"] == {"planned": 2, **found["models"]["scripted + lead=scripted/lead"]}
    total = found["total"]
    assert (total["runs"], total["passed"], total["turns"], total["tools"]) == (2, 2, 4, 2)
    assert total["usd"] == pytest.approx(sum(run["usd"] for run in found["runs"]))
    assert total["usd"] > 0
    assert total["tokens"]["input"] > total["tokens"]["cached"] > 0
    assert {run["outcome"] for run in found["runs"]} == {"answered"}
    assert all(oracle["passed"] for run in found["runs"] for oracle in run["oracles"])
    assert "$1 at most" in err
    assert await spent_today(open_tmp / ".codebutler") == pytest.approx(total["usd"])
    assert KEY not in out + err
    assert shell.left() == []


async def test_a_run_that_fails_is_shown_with_its_evidence_and_can_be_kept(open_tmp: Path) -> None:
    async with ScriptedModel(script("question", 1)) as server:
        shell = Shell(open_tmp, server.url)
        code, out, _ = await shell.run("question", "--keep")
    assert code == 1
    lines = out.splitlines()
    assert "0/1" in lines[1]
    assert "    ✗ cites the count: gate/login.py:18 was to be cited; cited was gate/login.py:5" in lines
    (kept,) = shell.left()
    assert f"    kept: {shell.temporary / kept}" in lines
    assert (shell.temporary / kept / "repo/.codebutler/store.db").exists()


async def test_what_no_longer_fits_the_cap_is_not_run(open_tmp: Path) -> None:
    async with ScriptedModel(script("question", 0)) as server:
        shell = Shell(open_tmp, server.url)
        code, out, _ = await shell.run("question", "--usd", "0.1")
        assert server.requests == []
    assert code == 1
    assert "not run: it may cost $0.5, and $0.10 of --usd 0.1 is left" in out


async def test_a_dear_model_comes_to_the_end_of_a_shipped_eval(open_tmp: Path) -> None:
    # The worst case of one call of it, 16 000 tokens at 25 USD a million, is $0.4 alone.
    async with ScriptedModel(script("bugfix", 0, price={"input": 10.0, "output": 50.0})) as server:
        shell = Shell(open_tmp, server.url)
        code, out, err = await shell.run("bugfix", "--model", "anthropic/claude-opus-4-6", "--json")
        assert server.failures == []
    assert code == 0, out
    (run,) = json.loads(out)["runs"]
    assert run["usd"] > 0.1
    assert "$1.03 at most" in err


async def test_the_cap_of_a_day_holds_for_evals_as_well(open_tmp: Path) -> None:
    (open_tmp / ".codebutler").mkdir(mode=0o700)
    (open_tmp / ".codebutler/config.json").write_text('{"limits": {"usdPerDay": 0.0}}')
    (open_tmp / ".codebutler/config.json").chmod(0o600)
    async with ScriptedModel(script("question", 0, price={"input": 1.0, "output": 2.0})) as server:
        shell = Shell(open_tmp, server.url)
        shell.env["CODEBUTLER_MODEL"] = "openai/gpt-4.1-mini"  # whose price is known beforehand
        code, out, _ = await shell.run("question")
        assert server.requests == []
    assert code == 1
    assert "outcome: it ended so: paused" in out


async def test_an_eval_of_ones_own_has_its_own_cap_and_shows_no_secret(open_tmp: Path) -> None:
    own = open_tmp / "mine.toml"
    own.write_text(
        'about = "x"\ntask = "x"\nlimits = { usd = 0.0001 }\n[repo.files]\n"key.txt" = "' + TOKEN + '\\n"\n'
        '[[oracles]]\nkind = "outcome"\none_of = ["answered"]\n'
        '[[oracles]]\nkind = "command"\nrun = "cat key.txt; exit 3"\n'
    )
    async with ScriptedModel(script("question", 0)) as server:
        shell = Shell(open_tmp, server.url)
        code, out, err = await shell.run(str(own), "--model", "openai/gpt-4.1-mini", "--json")
        assert server.requests == []  # its first call would have cost more
    assert code == 1, err
    (run,) = json.loads(out)["runs"]
    faults = [oracle["fault"] for oracle in run["oracles"]]
    assert run["eval"] == "mine"
    assert faults[0].startswith("it ended so: paused (the thread's cap of $0.0001 leaves too little")
    assert faults[1].startswith("cat key.txt; exit 3: exit 3\n[")
    assert TOKEN not in out + err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["question"], "no model provider is set up"),
        (["no-such-eval"], "eval no-such-eval: cannot be read: No such file or directory"),
        (["question", "--runs", "0"], "--runs must be at least 1"),
        (["question", "--usd", "nan"], "--usd must be more than 0"),
        (["question", "--role-model", "boss=x"], "--role-model 'boss=x' is not ROLE=ID"),
        (["question", "--prompts", "docs"], "has no prompts/, memory/ or roles/"),
    ],
)
def test_a_mistake_is_one_line(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eval", *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(("typed", "code"), [(b"n\n", 2), (b"y\n", 0), (b"\x04", 2), (None, 130)])
async def test_a_person_is_asked_before_money_is_spent(
    typed: bytes | None, code: int, open_tmp: Path
) -> None:
    master, slave = pty.openpty()
    async with ScriptedModel(script("question", 0)) as server:
        shell = Shell(open_tmp, server.url)
        process = await shell.start("question", stdin=slave)
        assert process.stderr is not None
        await asyncio.wait_for(process.stderr.readuntil(b"Go on? [y/N] "), 60)
        assert server.requests == []
        if typed is None:
            process.send_signal(signal.SIGINT)
        else:
            os.write(master, typed)
        await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode == code
        assert bool(server.requests) == (code == 0)
    os.close(master)
    os.close(slave)
    assert shell.left() == []


async def test_ctrl_c_shows_what_is_there_and_leaves_nothing(open_tmp: Path) -> None:
    slow = script("question", 0)
    slow.scripts[0].steps.append(slow.scripts[0].steps[0].model_copy(update={"delay": 60.0}))
    slow.scripts[0].steps.pop(0)
    async with ScriptedModel(slow) as server:
        shell = Shell(open_tmp, server.url)
        process = await shell.start("question", "--runs", "3", "--jobs", "1")
        async with asyncio.timeout(60):
            while not server.requests:  # noqa: ASYNC110 - another process asks
                await asyncio.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, err = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 130
    assert err.decode().splitlines()[-1] == "interrupted"
    assert "of 3 runs did not come to an end" in err.decode()
    assert shell.left() == []


async def test_without_a_sandbox_nothing_runs(open_tmp: Path) -> None:
    async with ScriptedModel(script("question", 0)) as server:
        shell = Shell(open_tmp, server.url)
        (open_tmp / ".codebutler").mkdir(mode=0o700)
        config = open_tmp / ".codebutler/config.json"
        config.write_text('{"sandbox": {"memoryMib": 64, "uid": 65533, "show": ["/nowhere/at/all"]}}')
        config.chmod(0o600)
        code, _, err = await shell.run("question")
        assert server.requests == []
    assert code == 4, err
