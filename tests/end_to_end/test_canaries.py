"""No secret on any path: one thread with a canary in every text there is, and then every byte is searched."""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from msgspec import structs

from codebutler import logs
from codebutler.cli.main import main
from codebutler.errors import ModelRefused
from codebutler.redact import Redactor
from codebutler.testing.doubles import Asked, Door, says
from codebutler.types import Attachment, Inbound, ModelReply, Person, ToolCall

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Room

CONFIGURED = 'Tr0ub4dor&3/"horse" battery'
"""The value of a configured secret that looks like no token at all."""
FORMS = {
    "configured": CONFIGURED,
    "configured, url": quote(CONFIGURED, safe=""),
    "configured, base64": base64.b64encode(CONFIGURED.encode()).decode(),
    "configured, json": json.dumps(CONFIGURED)[1:-1],
}
PATHS = (
    "message", "author", "attachment", "file", "output", "split", "reply", "argument", "unknown_tool", "question",
    "option", "answer", "plan_title", "plan_summary", "plan_step", "plan_file", "acceptance", "checklist", "notify",
    "commit", "escalation", "escalation_answer", "last_word", "pr_title", "pr_body", "summary_title", "summary",
    "change", "decision", "tip", "improvement", "memory", "why", "added", "model_error", "crash", "door_error",
    "reasoning",
)  # fmt: skip


def canary(path: str) -> str:
    """A token of GitHub's form that says where it was planted."""
    return f"ghp_{path.replace('_', '').replace(',', '').replace(' ', '')}A1b2C3d4E5f6A1b2C3d4E5f6"


C = {path: canary(path) for path in PATHS}


def call(number: int, name: str, **arguments: object) -> ToolCall:
    return ToolCall(id=f"c{number}", name=name, arguments=json.dumps(arguments))


def shell(path: str) -> str:
    """A command that prints a canary it does not contain, the second time in two pieces with a pause."""
    head, tail = C[path][:2], C[path][2:]
    return f"printf '%s%s\\n' {head} {tail}; printf '\\033[31m%s' {head}; sleep 0.7; printf '%s\\n' {tail}"


class Cast:
    """What each role says, by how often it has spoken."""

    def __init__(self) -> None:
        self.failed: set[str] = set()
        self.seen: list[Asked] = []

    async def __call__(self, asked: Asked) -> ModelReply:
        self.seen.append(asked)
        step = sum(m["role"] == "assistant" for m in asked.messages)
        said = self.say(asked.role, step)
        return structs.replace(said, reasoning={"text": f"I think {C['reasoning']}"})

    def say(self, role: str, step: int) -> ModelReply:
        return {"pm": self.pm, "coder": self.coder, "lead": self.lead}[role](step)

    def once(self, name: str, error: Exception) -> None:
        if name not in self.failed:
            self.failed.add(name)
            raise error

    def pm(self, step: int) -> ModelReply:
        self.once("refused", ModelRefused(f"the provider says: bad key {C['model_error']}"))
        self.once("crash", RuntimeError(f"the client broke with {C['crash']}"))
        if step == 0:
            looks = call(1, "read", path="notes.txt"), call(2, C["unknown_tool"], x=1)
            return says(f"I look. {C['reply']}\n{' '.join(FORMS.values())}", *looks)
        if step == 1:
            return says(
                "", call(3, "ask_user", question=f"Is {C['question']} right?", options=[C["option"], "no"])
            )
        if step == 2:
            return says("", call(4, "propose_plan", **PLAN))
        return says(f"Yes: {C['escalation_answer']}")

    def coder(self, step: int) -> ModelReply:
        text = f"one\\n{C['argument']}\n{CONFIGURED}\n"
        work = (
            (call(1, "bash", command=shell("output")), call(2, "write", path="new.txt", content=text)),
            (call(3, "update_plan", items=[{"text": f"see {C['checklist']}", "status": "doing"}]),),
            (
                call(4, "notify", text=f"look {C['notify']}"),
                call(5, "git_commit", message=f"Add {C['commit']}"),
            ),
            (call(6, "ask_pm", question=f"may I use {C['escalation']}?"),),
            (call(7, "bash", command=f"{shell('split')}; exit 3"), call(8, "git_push")),
            (call(9, "create_pr", title=f"New {C['pr_title']}", body=f"With {C['pr_body']}\n{CONFIGURED}"),),
        )
        return says("", *work[step]) if step < len(work) else says(f"Done {C['last_word']}")

    def lead(self, step: int) -> ModelReply:
        item = {"file": "pm.md", "kind": "lesson", "text": f"Keep {C['memory']}", "why": f"for {C['why']}"}
        if step == 0:
            return says("", call(1, "write_summary", **SUMMARY), call(2, "propose_memory", items=[item]))
        return says("That is all.")


PLAN = {
    "title": f"Use {C['plan_title']}",
    "summary": f"A plan with {C['plan_summary']} and {FORMS['configured, base64']}",
    "steps": [{"text": f"step {C['plan_step']}", "refs": ["notes.txt:1"]}],
    "files": ["new.txt", f"{C['plan_file']}.txt"],
    "acceptance": [f"holds {C['acceptance']}"],
}
SUMMARY = {
    "title": f"Land {C['summary_title']}",
    "summary": f"It did {C['summary']}",
    "changes": [f"`new.txt` {C['change']}"],
    "decisions": [f"chose {C['decision']}"],
    "tips": [f"say {C['tip']}"],
    "improvements": [f"better {C['improvement']}"],
}


class Leaky(Door):
    """A door whose first failure quotes what it was given."""

    async def deliver(self, *args: object, **kwargs: object) -> str:
        if not self.tried:
            self.tried.append(args)  # type: ignore[arg-type] # only counted
            raise ConnectionError(f"401 for token {C['door_error']} and {CONFIGURED}")
        return await super().deliver(*args, **kwargs)  # type: ignore[arg-type] # passed on as it came


async def played(room: Room, cast: Cast, door: Door, streamed: list[str]) -> str:
    """The whole thread, from the message to the merge; returns its id."""
    name = f"Robin {C['author']}"

    async def listen(_thread: str, _role: str, delta: str) -> None:
        streamed.append(delta)

    async with room.engine(cast, door, listener=listen) as scene:
        author = Person(surface="terminal", id="robin", name=name)
        attachment = Attachment(name=f"{C['attachment']}.txt", sha256="0" * 64)

        async def say(text: str) -> None:
            say_.append(text)
            inbound = Inbound(
                surface="terminal", external_id="c", key=f"k{len(say_)}", author=author, text=text,
                attachments=[attachment] if len(say_) == 1 else [],
            )  # fmt: skip
            await scene.rest(await scene.engine.receive(inbound))

        say_: list[str] = []
        first = f"{C['message']} is my token; take {CONFIGURED}"  # a title is cut from the first line
        await say(f"{'x' * 60} {first}")
        thread = scene.asked and (await scene.host.store.threads())[0].id
        await say("go")
        await say("go")
        assert (await scene.state(str(thread))).question is not None, await scene.posts(str(thread))
        await say(f"yes, {C['answer']} and {FORMS['configured, url']}")
        await say("go")
        state = await scene.state(str(thread))
        assert state.memory, await scene.posts(str(thread))
        await say(f"add: remember {C['added']}")
        await say("merge")
        assert (await scene.state(str(thread))).phase == "closed", await scene.posts(str(thread))
        await scene.engine.delivery.flush(force=True)
        return str(thread)


def git_objects(repo: Path) -> Iterator[bytes]:
    """Every object of a repository, unpacked."""
    words = ["git", "-C", str(repo), "cat-file", "--batch-all-objects", "--batch", "--buffer"]
    yield subprocess.run(words, capture_output=True, check=True).stdout


def commands(room: Room, thread: str) -> list[tuple[str, ...]]:
    """Everything that prints or writes something of a thread, and two mistakes that quote a secret."""
    exports = [("export", thread, "-o", str(room.home / f"x.{form}")) for form in ("jsonl", "md", "html")]
    looks = [
        ("show", thread), ("threads",), ("threads", "--json"), ("logs", thread), ("logs", thread, "--json"),
        ("pr", "list", "--state", "all"), ("pr", "show", "1"), ("pr", "diff", "1"), ("doctor", "--offline"),
        ("config",), ("show", C["message"]), ("show", CONFIGURED), ("replay", thread), ("backup",),
    ]  # fmt: skip
    return [(*words, "--repo", str(room.sample.repo)) for words in (*exports, *looks)]


def everything(room: Room) -> Iterator[tuple[str, bytes]]:
    """All that was written anywhere, by name."""
    for root in (room.home, room.sample.repo / ".codebutler", room.sample.repo / ".git", room.sample.remote):
        for path in sorted(root.rglob("*")):
            if path.is_file():
                yield str(path), path.read_bytes()
    for repo in (room.sample.repo, room.sample.remote):
        for objects in git_objects(repo):
            yield f"objects of {repo.name}", objects


@pytest.fixture
def planted(room: Room) -> Room:
    """A repo whose file holds a canary, and a host that has a secret configured."""
    (room.sample.repo / "notes.txt").write_text(f"the key is {C['file']}\n")
    git = ["git", "-C", str(room.sample.repo), "-c", "user.name=R", "-c", "user.email=r@example.invalid"]
    for words in (["add", "."], ["commit", "-q", "-m", "notes"], ["push", "-q"]):
        subprocess.run([*git, *words], check=True)
    room.env["GITHUB_TOKEN"] = CONFIGURED
    return room


async def test_no_canary_of_any_path_is_left_in_any_byte(
    planted: Room, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**planted.env, "CODEBUTLER_HOME": str(planted.home)}.items():
        monkeypatch.setenv(name, value)
    cast, door, streamed = Cast(), Leaky(), list[str]()
    logs.keep(Redactor([CONFIGURED]), planted.home / "logs" / "butler.log")
    logs.console(Redactor([CONFIGURED]))
    try:
        thread = await played(planted, cast, door, streamed)
    finally:
        logs.close()
    found: dict[str, set[str]] = {}
    for words in commands(planted, thread):
        await asyncio.to_thread(main, words)
    places = [*everything(planted)]
    places.append(("shown at the door", repr(door.shown).encode()))
    places.append(("streamed", "".join(streamed).encode()))
    places.append(("model requests", json.dumps([a.messages for a in cast.seen]).encode()))
    printed = b"".join(capfdbinary.readouterr())
    assert thread.encode() in printed
    places.append(("stdout and stderr", printed))
    secrets = {**C, **FORMS}
    for place, data in places:
        for path, secret in secrets.items():
            if secret.encode() in data:
                found.setdefault(path, set()).add(place)
    outside = {p for p in found.pop("file") if not p.startswith("objects of") and "/branches/" not in p}
    assert outside == set(), "what a file of the repo holds is in git and in worktrees, and nowhere else"
    assert found == {}
    names = {path.name for path in planted.home.rglob("*") if path.is_file()}
    assert {"x.jsonl", "x.md", "x.html", "made.jsonl"} <= names
    assert [*planted.home.glob("backups/*.db"), *planted.home.glob("copies/*/*.db")] != []
    text = (planted.home / "logs" / "butler.log").read_text()
    assert "turn crashed" in text
    assert "[redacted]" in text
    assert "[redacted]" in "".join(streamed)


async def test_a_password_in_the_remotes_url_stays_in_the_persons_own_config(
    room: Room, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The remote cannot be reached, so every message about it quotes its URL."""
    repo, url = room.sample.repo, "http://robin:hunter2-hunter2@127.0.0.1:9/x.git"
    subprocess.run(["git", "-C", str(repo), "remote", "set-url", "origin", url], check=True)
    for name, value in {**room.env, "CODEBUTLER_HOME": str(room.home)}.items():
        monkeypatch.setenv(name, value)

    async def mind(asked: Asked) -> ModelReply:
        return says("done")

    shown: list[object] = []
    for forge in ("auto", "local"):
        room.configure(forge=forge)
        async with room.engine(mind, door := Door()) as scene:
            state = await scene.talk(forge, "hello")
            assert state.outcome in {"answered", "failed"}
        shown += door.shown
        for words in (("doctor", "--offline"), ("pr", "list"), ("pr", "merge", "1")):
            await asyncio.to_thread(main, (*words, "--repo", str(repo)))
    assert any("127.0.0.1:9" in repr(post) for post in shown), "nobody was told of the trouble"
    printed = b"".join(capfdbinary.readouterr())
    places = [*everything(room), ("printed", printed), ("shown", repr(shown).encode())]
    assert {place for place, data in places if b"hunter2-hunter2" in data} == {str(repo / ".git" / "config")}
