"""Threads that are killed: the real command line in forked processes, and what a finished thread left."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from codebutler.testing.aftermath import a_look, landed, shown
from codebutler.testing.sample import Sample
from codebutler.testing.scenario import parse_scenario
from codebutler.testing.scripted import ScriptedModel
from codebutler.testing.stage import Stage
from tests.chaos.undisturbed import Undisturbed
from tests.conftest import copied

if TYPE_CHECKING:
    from tests.conftest import Warm

HERE = Path(__file__).parent
SMALL = HERE / "small.toml"
SECONDS = 60.0
"""How long one process may take: a thread that hangs fails its test."""
Row = dict[str, Any]


@dataclass
class Ran:
    """A process that has ended: its exit code (minus the signal), and what it printed."""

    code: int
    out: str
    err: str


def ignore() -> None:
    """Do nothing."""


@dataclass
class Rig:
    """A repo, a scripted model, and a headless run of one task in a process of its own, again and again."""

    folder: Path
    sample: Sample
    server: ScriptedModel
    warm: Warm
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def pid(self) -> Path:
        """The file with the id of the process that was started last."""
        return self.folder / "pid"

    @property
    def store(self) -> Path:
        """The repo's store."""
        return self.sample.repo / ".codebutler" / "store.db"

    async def run(self, *words: str, crash: str = "") -> Ran:
        """``codebutler run WORDS``, by default the task with all consent and always the same key, so that the
        same thread goes on.
        """
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "COLUMNS": "2000",
            "CODEBUTLER_HOME": str(self.folder / "butler"),
            "CODEBUTLER_MODEL": "scripted",
            "OPENAI_BASE_URL": self.server.url,
            **self.extra,
            **({"CODEBUTLER_CRASH_AT": crash} if crash else {}),
        }
        words = words or (self.sample.task, "--yes", "--merge", "--key", "k")
        code, out, err = await self.warm.run(
            ("run", *words), self.sample.repo, env, timeout=SECONDS, pid=self.pid
        )
        return Ran(code, out.decode().replace(str(self.folder), "FOLDER"), err.decode())

    def git(self, *words: str, where: Path | None = None) -> str:
        """Git's answer in the repo, or ``where``."""
        command = ["git", "-C", str(where or self.sample.repo), *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    def events(self) -> list[Row]:
        """The log as it is on disk, read from a copy: a look must not tidy up what a kill left."""
        with a_look(self.store) as store:
            rows = store.execute("SELECT seq, kind, ts, body FROM event ORDER BY seq").fetchall()
        return [{**json.loads(body), "seq": seq, "kind": kind, "ts": ts} for seq, kind, ts, body in rows]

    def query(self, sql: str) -> list[Any]:
        """Rows of the store."""
        with a_look(self.store) as store:
            return store.execute(sql).fetchall()

    def unsettled(self) -> list[Any]:
        """Money that is still held for calls, in the repo's store and over all repos."""
        with closing(sqlite3.connect(self.folder / "butler" / "global.db")) as ledger:
            shared = ledger.execute("SELECT key FROM reservation WHERE spent IS NULL").fetchall()
        return [*shared, *self.query("SELECT key FROM reservation WHERE spent IS NULL")]

    async def swept(self, point: str, calm: Calm) -> None:
        """``survives``, for each gap between two commits once; a point past the end of the log is none."""
        if (await calm.of(self)).has(point):
            await self.survives(point, calm)

    async def survives(
        self, point: str, calm: Calm, *, arm: Callable[[], None] = ignore, look: Callable[[], None] = ignore
    ) -> None:
        """Kill the run at ``point``, run it again, and compare with a run that nothing disturbed.

        ``arm`` is called before the run that is killed ("": by what ``arm`` did), ``look`` after it.
        """
        undisturbed = await calm.of(self)
        arm()
        killed = await self.run(crash=point)
        assert killed.code == -signal.SIGKILL, f"not killed: {killed.err}"
        look()
        log = self.events() if self.store.exists() else []
        asked = len(self.server.requests)
        done = await self.run()
        assert (done.code, self.server.failures) == (0, []), done.err
        left = landed(self.sample, self.store, done.out)
        assert left.unlike(undisturbed.left) == {}, left.unlike(undisturbed.left)
        self._check_calls(log, asked)
        self._check_log(self.events())
        before = shown(self.store, killed.out)
        assert before == undisturbed.left.shown[: len(before)], "shown in order, and once"
        assert self.unsettled() == []
        await self.no_process_is_left()

    async def undisturbed(self) -> Undisturbed:
        """A run without a kill; the rig's own repo stays as it was."""
        names = (self.sample.repo.parent, self.folder / "butler")
        kept = self.folder / "kept"
        shutil.copytree(names[0], kept, symlinks=True)
        done = await self.run()
        assert (done.code, self.server.failures) == (0, []), done.err
        assert self.server.bought_twice() == []
        log = self.events()
        left = landed(self.sample, self.store, done.out)
        run = Undisturbed(left, [e["kind"] for e in log], [e["ts"] for e in log])
        for name in names:
            shutil.rmtree(name)
        kept.rename(names[0])
        self.server.requests.clear()
        return run

    def _check_calls(self, log: Sequence[Row], asked: int) -> None:
        """No reply that was in the log at the kill was requested again, and no other more than once."""
        roles = {e["frame"]: e["role"] for e in log if e["kind"] == "frame_started"}
        known = {(roles[e["frame"]], e["step"]) for e in log if e["kind"] == "model_replied"}
        after = [(a.role, a.turn + 1) for a in self.server.requests[asked:]]
        assert not known & set(after), "a reply that was in the log was bought again"
        assert len(after) == len(set(after))
        assert len(self.server.bought_twice()) <= 1, "at most the call that was under way"

    def _check_log(self, log: Sequence[Row]) -> None:
        """Every message is dealt with once, every turn ends, nothing stands there twice."""
        came = [e["seq"] for e in log if e["kind"] == "message_received"]
        read = Counter(e["message"] for e in log if isinstance(e.get("message"), int))
        read.update(m for e in log if e["kind"] == "message_taken" for m in e["messages"])
        assert set(read) == set(came)
        assert len(came) == 4, "the task, approval, memory, merge"
        once = ("plan_approved", "pr_opened", "memory_committed", "journal_committed", "pr_merged")
        kinds = Counter(e["kind"] for e in log)
        assert {k: kinds[k] for k in once} == dict.fromkeys(once, 1)
        assert kinds["turn_ended"] == 4
        assert log[-1]["kind"] == "turn_ended"
        for kind, key in (("model_replied", "step"), ("tool_finished", "call_id"), ("posted", "source")):
            marks = [(e.get("frame"), e[key]) for e in log if e["kind"] == kind]
            assert len(marks) == len(set(marks)), f"{kind} stands there twice"

    async def no_process_is_left(self) -> None:
        """Nothing that was started in the rig's folder lives on, or the test fails."""
        deadline = time.monotonic() + 10
        while left := _commands_with(str(self.folder)):
            assert time.monotonic() < deadline, f"left running: {left}"
            await asyncio.sleep(0.05)


def _commands_with(text: str) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:  # it has ended meanwhile
            continue
        if text in command:
            found.append(command)
    return found


def prepared(folder: Path) -> Sample:
    """A repo of two files, one commit and a bare remote."""
    repo, remote = folder / "repo", folder / "remote.git"
    repo.mkdir(parents=True)
    (repo / "greeting").write_text("good bye\n")
    (repo / "check.sh").write_text(
        "if grep -q hello greeting; then echo all tests passed; else echo a test failed; exit 1; fi\n"
    )
    for words in (
        f"init -q --bare --initial-branch=main {remote}",
        "init -q --initial-branch=main",
        "add .",
        "-c user.name=Robin -c user.email=robin@example.org commit -q -m first",
        f"remote add origin {remote}",
        "push -q -u origin main",
    ):
        subprocess.run(["git", *words.split()], cwd=repo, check=True)
    return Sample(repo, remote, "Say hello instead of good bye")


class Calm:
    """The uninterrupted runs of this worker's tests, one for each scenario."""

    def __init__(self) -> None:
        self._runs: dict[str, Undisturbed] = {}

    async def of(self, rig: Rig) -> Undisturbed:
        """The one of the rig's scenario, made when it is first needed."""
        name = rig.server.scenario.name
        if name not in self._runs:
            self._runs[name] = await rig.undisturbed()
        return self._runs[name]


@pytest.fixture(scope="session")
def calm() -> Calm:
    return Calm()


@pytest.fixture(scope="session")
def small_sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    """``prepared``, to be copied."""
    return prepared(tmp_path_factory.mktemp("small"))


@pytest.fixture
async def small(open_tmp: Path, warm: Warm, small_sample: Sample) -> AsyncIterator[Rig]:
    """The smallest whole thread."""
    async with ScriptedModel(SMALL) as server:
        yield Rig(open_tmp, copied(small_sample, open_tmp / "small"), server, warm)


@pytest.fixture
async def demo(open_tmp: Path, warm: Warm, sample_in: Callable[[Path], Sample]) -> AsyncIterator[Rig]:
    """The demo's thread."""
    async with ScriptedModel("demo") as server:
        yield Rig(open_tmp, sample_in(open_tmp / "demo"), server, warm)


@pytest.fixture
async def stage(
    open_tmp: Path, warm: Warm, sample_in: Callable[[Path], Sample], request: pytest.FixtureRequest
) -> AsyncIterator[Stage]:
    """With a thread that has its pull request, by the scenario (a TOML text) that the test names."""
    sample = sample_in(open_tmp / "sample")
    async with ScriptedModel(parse_scenario(request.param)) as server:
        stage = Stage(sample, open_tmp / "home", server, starter=warm.run)
        done = await stage.cli("run", "Add a note", "--yes", "--json", "--key", "k")
        assert done.summary["outcome"] == "pr", (done.stderr, server.failures)
        yield stage
