"""Twenty threads at once in one daemon that is killed at random moments: all of them land, once."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TextIO

import pytest

from codebutler.testing.aftermath import a_look
from codebutler.testing.scenario import Scenario, parse_scenario
from codebutler.testing.scripted import ScriptedModel

CHILD = Path(__file__).with_name("serve_child.py")
THREADS = 20
KILLS = 4
SECONDS = 90.0
LIMITS = {"maxConcurrentThreads": THREADS, "maxCallsPerHour": 100_000, "maxCallsPerPersonPerHour": 100_000}


def file(number: int) -> str:
    """A thread's own, by a name that no hash or figure contains."""
    return f"greeting-{number:02}.txt"


def scenario(dice: random.Random) -> Scenario:
    """Each thread changes a file of its own; every answer takes a little while."""
    parts = ['name = "load"\n[price]\ninput = 0.6\noutput = 2.5\n']
    for n in range(THREADS):
        title = f'title = "Say hello in {file(n)}", summary = "s"'
        plan = f'{title}, steps = [{{ text = "x" }}], files = ["{file(n)}"]'
        write = f'{{ name = "write", arguments = {{ path = "{file(n)}", content = "hello\\n" }} }}'
        look = f'{{ name = "bash", arguments = {{ command = "grep hello {file(n)}" }} }}'
        end = f'{{ name = "write_summary", arguments = {{ {title}, changes = ["c"] }} }}'
        match = f'match = "{file(n)}"'
        for role, steps in (
            ("pm", [f'calls = [{{ name = "propose_plan", arguments = {{ {plan} }} }}]']),
            ("coder", [f"calls = [{write}, {look}]", 'text = "It says hello."']),
            ("lead", [f"calls = [{end}]", 'text = "Nothing to learn."']),
        ):
            parts.append(f'[[scripts]]\nrole = "{role}"\n{match}\n')
            parts += [f"[[scripts.steps]]\ndelay = {dice.uniform(0.02, 0.4):.2f}\n{s}\n" for s in steps]
    return parse_scenario("".join(parts))


def prepared(folder: Path) -> tuple[Path, Path]:
    """A repo with a file for each thread, and its bare remote."""
    repo, remote = folder / "load" / "repo", folder / "load" / "remote.git"
    repo.mkdir(parents=True)
    for n in range(THREADS):
        (repo / file(n)).write_text("good bye\n")
    for words in (
        f"init -q --bare --initial-branch=main {remote}",
        "init -q --initial-branch=main",
        "add .",
        "-c user.name=Robin -c user.email=robin@example.org commit -q -m first",
        f"remote add origin {remote}",
        "push -q -u origin main",
    ):
        subprocess.run(["git", *words.split()], cwd=repo, check=True)
    return repo, remote


def started(command: list[str], env: dict[str, str], errors: TextIO) -> subprocess.Popen[str]:
    """A daemon in a process group of its own."""
    return subprocess.Popen(
        command, env=env, stdout=subprocess.PIPE, stderr=errors, text=True, start_new_session=True
    )


def family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it has ended meanwhile
            continue
        children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found = [pid]
    for one in found:
        found += children.get(one, [])
    return found


def kill(process: subprocess.Popen[str], *, everything: bool) -> None:
    """The daemon's process group, or, as when a container is stopped, all that it has started, too."""
    victims = family(process.pid) if everything else []
    os.killpg(process.pid, signal.SIGKILL)
    for victim in victims[1:]:
        try:
            os.kill(victim, signal.SIGKILL)
        except ProcessLookupError:
            continue
    process.wait()


@pytest.mark.timeout(300)
async def test_all_threads_land_once_whatever_is_killed_when(open_tmp: Path, full: bool) -> None:
    seed = random.randrange(10**6) if full else 20
    logging.getLogger(__name__).warning("seed %d", seed)
    dice = random.Random(seed)
    repo, remote = prepared(open_tmp)
    home, shown, errors = open_tmp / "butler", open_tmp / "shown", open_tmp / "errors"
    home.mkdir()
    (home / "config.json").write_text(json.dumps({"limits": LIMITS}))
    (home / "config.json").chmod(0o600)
    async with ScriptedModel(scenario(dice)) as server:
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(open_tmp),
            "CODEBUTLER_MODEL": "scripted",
            "OPENAI_BASE_URL": server.url,
        }
        command = [sys.executable, "-P", str(CHILD), str(repo), str(home), str(shown), str(THREADS)]
        for round_ in range(KILLS + 1):
            with errors.open("a") as complaints, started(command, env, complaints) as process:
                assert process.stdout is not None
                assert await asyncio.to_thread(process.stdout.readline) == "ready\n", errors.read_text()
                if round_ < KILLS:
                    await asyncio.sleep(dice.uniform(0.3, 3.0))
                    assert process.poll() in (None, 0), errors.read_text()
                    kill(process, everything=dice.random() < 0.5)
                else:
                    async with asyncio.timeout(SECONDS):
                        code = await asyncio.to_thread(process.wait)
                    assert code == 0, errors.read_text()
        assert server.failures == []
    check(repo, remote, shown)


def check(repo: Path, remote: Path, shown: Path) -> None:
    """Everything once: merges, files, log, messages."""
    subjects = git(remote, "log", "--format=%s", "main")
    assert Counter(s.rpartition(" (#")[0] for s in subjects if "(#" in s) == {
        f"Say hello in {file(n)}": 1 for n in range(THREADS)
    }
    for n in range(THREADS):
        assert git(remote, "show", f"main:{file(n)}") == ["hello"]
    assert git(remote, "for-each-ref", "--format=%(refname)") == ["refs/heads/main"]
    with a_look(repo / ".codebutler" / "store.db") as store:
        assert store.execute("SELECT DISTINCT phase FROM thread").fetchall() == [("closed",)]
        once(
            store, "SELECT thread, kind FROM event WHERE kind IN ('plan_approved', 'pr_opened', 'pr_merged')"
        )
        once(
            store, "SELECT thread, body ->> 'frame', body ->> 'step' FROM event WHERE kind = 'model_replied'"
        )
        once(store, "SELECT thread, body ->> 'source' FROM event WHERE kind = 'posted'")
        assert store.execute("SELECT count(*) FROM event WHERE kind = 'message_received'").fetchone() == (60,)
        assert store.execute("SELECT DISTINCT state FROM outbox").fetchall() == [("sent",)]
        posts = store.execute("SELECT thread || ':' || key FROM outbox WHERE slot = ''").fetchall()
    lines = [json.loads(line) for line in shown.read_text().splitlines()]
    marks = Counter(mark for mark, _, slot, _ in lines if not slot)
    assert set(marks) == {mark for (mark,) in posts}, "each post reached the platform"
    assert sum(marks.values()) - len(marks) <= KILLS, "repeated only where a kill hid the platform's answer"
    texts = {mark: (conversation, text) for mark, conversation, slot, text in lines if not slot}
    assert max(Counter(texts.values()).values()) == 1, "with one mark, a message stands there once"


def once(store: sqlite3.Connection, query: str) -> None:
    """No row of ``query`` comes twice."""
    assert [row for row, n in Counter(store.execute(query)).items() if n > 1] == []


def git(where: Path, *words: str) -> list[str]:
    """Git's lines."""
    done = subprocess.run(["git", "-C", str(where), *words], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()
