"""A GitHub twin with one repository, acme/shop, whose main has a commit; ann may write, eve may only read."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from codebutler.commands.builtin import REGISTRY
from codebutler.events import (
    Event,
    FrameEnded,
    FrameStarted,
    MendBegun,
    MessageReceived,
    PhaseChanged,
    PrOpened,
    Pushed,
    ThreadOpened,
    dump,
    parse,
)
from codebutler.forges.choose import calls_for, forge_for
from codebutler.forges.github.forge import GitHubForge
from codebutler.forges.github.spot import spot_of
from codebutler.repo.discover import Repo, find_repo
from codebutler.service.following import Following
from codebutler.settings.github import GitHub as GitHubSettings
from codebutler.settings.shape import Settings
from codebutler.store.rows import NewEvent
from codebutler.store.store import Store
from codebutler.surfaces.github.door import GitHub
from codebutler.surfaces.github.hearing import Hearing
from codebutler.surfaces.github.polling import Polling
from codebutler.testing.github.human import Human
from codebutler.testing.github.project import Project
from codebutler.testing.github.server import GitHubTwin
from codebutler.thread.intake import receive
from codebutler.types import Person


@dataclass
class Shop:
    """The repository, and raw calls of the API by the name of who makes them."""

    twin: GitHubTwin
    project: Project
    session: aiohttp.ClientSession

    def __post_init__(self) -> None:
        self.tokens = {"": ""}
        self.tokens |= {who: self.twin.hub.token(who) for who in ("acme", "butler", "ann", "eve")}

    @property
    def ann(self) -> Human:
        return Human(self.project, "ann")

    @property
    def eve(self) -> Human:
        return Human(self.project, "eve")

    async def call(
        self, method: str, path: str, body: object = None, *, by: str = "butler", **headers: str
    ) -> tuple[int, Any, Any]:
        """Status, JSON (or text), headers. ``path`` below the repository unless it starts with //."""
        url = f"{self.twin.url}{path[1:]}" if path.startswith("//") else f"{self.project.api}{path}"
        sent = {"Authorization": f"Bearer {self.tokens[by]}", **headers} if self.tokens[by] else headers
        async with self.session.request(method, url, json=body, headers=sent, allow_redirects=False) as got:
            kind = got.content_type
            found = await got.json() if kind == "application/json" else await got.text()
            return got.status, found, got.headers

    def commit(self, branch: str, path: str, text: str, *, onto: str = "main") -> str:
        """A commit with one more file, on a branch."""
        git, base = self.project.git, self.project.heads()[onto]
        blob = git("hash-object", "-w", "--stdin", stdin=text)
        listed = git("ls-tree", base).splitlines()
        rows = [row for row in listed if not row.endswith(f"\t{path}")] + [f"100644 blob {blob}\t{path}"]
        tree = git("mktree", stdin="\n".join(rows) + "\n")
        made = git("commit-tree", "-p", base, "-m", f"change {path}", tree)
        git("update-ref", f"refs/heads/{branch}", made)
        return made


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    async with GitHubTwin(tmp_path / "hub") as twin, aiohttp.ClientSession() as session:
        project = twin.hub.project("acme/shop")
        project.collaborators |= {"butler": "write", "ann": "write"}
        git = project.git
        blob = git("hash-object", "-w", "--stdin", stdin="hello\n")
        tree = git("mktree", stdin=f"100644 blob {blob}\thello.txt\n")
        git("update-ref", "refs/heads/main", git("commit-tree", "-m", "first", tree))
        yield Shop(twin, project, session)


class Bench:
    """A clone of the shop, with a branch ``work`` in it, and its forge."""

    def __init__(self, shop: Shop, folder: Path) -> None:
        self.shop, self.folder, self.home = shop, folder / "clone", folder / "home"
        self.home.mkdir()
        subprocess.run(["git", "clone", "-q", str(shop.project.path), str(self.folder)], check=True)
        self.git("remote", "set-url", "origin", shop.project.clone_url)
        self.head = self.commit("a.txt")

    def git(self, *words: str) -> str:
        who = ["-c", "user.name=B", "-c", "user.email=b@example.org"]
        command = ["git", *who, "-C", str(self.folder), *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def commit(self, path: str) -> str:
        (self.folder / path).parent.mkdir(exist_ok=True, parents=True)
        (self.folder / path).write_text(f"{path}\n")
        self.git("add", path)
        self.git("commit", "-qm", f"add {path}")
        return self.git("rev-parse", "HEAD")

    def config(self, **github: object) -> Settings:
        section = self.shop.twin.settings("butler", postSeconds=0, queueSeconds=1, **github)
        return Settings.model_validate_json(json.dumps({"github": section}))

    async def repo(self) -> Repo:
        return await find_repo(self.folder)

    async def forge(self, **github: object) -> GitHubForge:
        found = await forge_for(await self.repo(), self.config(**github), home=self.home)
        assert isinstance(found, GitHubForge)
        return found

    async def opened(self, *, draft: bool = False) -> GitHubForge:
        forge = await self.forge()
        await forge.push("work", self.head, expect="")
        await forge.open_pr("work", "main", "Add a", "Body", draft=draft)
        return forge


@pytest.fixture
def bench(shop: Shop, tmp_path: Path) -> Bench:
    return Bench(shop, tmp_path)


class Desk:
    """The door on a store; what comes in is kept, and nobody works on it."""

    def __init__(self, shop: Shop, store: Store, **more: object) -> None:
        self.shop, self.store = shop, store
        section = shop.twin.settings("butler", postSeconds=0, **more)
        self.settings = GitHubSettings.model_validate_json(json.dumps(section))

    async def open(self) -> None:
        spot = spot_of(self.shop.project.clone_url, self.settings)
        assert spot is not None
        calls = await calls_for(spot, self.settings)
        self.hearing = Hearing(calls, self.settings, self.store, spot.full_name)
        self.hearing.commands = {name for d in REGISTRY.definitions for name in (d.name, *d.aliases)}
        self.hearing.receive = lambda inbound: receive(self.store, inbound)
        self.polling = Polling(self.hearing, seconds=60)
        self.door = GitHub(calls, self.hearing.people, self.store, mention="bot")
        await self.polling.look()

    async def look(self) -> list[MessageReceived]:
        """Look for news; everything that was heard so far."""
        await self.polling.look()
        await self.settled()
        return await self.heard()

    async def settled(self) -> None:
        while self.hearing._later:
            await asyncio.gather(*self.hearing._later)

    async def heard(self) -> list[MessageReceived]:
        found = []
        for row in sorted(await self.store.threads(), key=lambda row: row.created_at):
            events = [parse(e.body) for e in await self.store.events(row.id)]
            found += [event for event in events if isinstance(event, MessageReceived)]
        return found

    def reactions(self) -> list[str]:
        return [row["content"] for row in self.shop.project.reactions]


@pytest.fixture
async def desk(shop: Shop, tmp_path: Path) -> AsyncIterator[Desk]:
    store = await Store.open(tmp_path / "store.db")
    made = Desk(shop, store, triggerLabel="butler")
    await made.open()
    yield made
    await made.hearing.close()
    await store.close()


ANN = Person(surface="github", id="ann", name="ann")


class Case:
    """A thread at rest whose pull request #1 is open, and who follows it."""

    def __init__(self, shop: Shop, store: Store, following: Following, thread: str) -> None:
        self.shop, self.store, self.following, self.thread = shop, store, following, thread
        self.kicked: list[str] = []
        self.following.kick = self.kicked.append
        self.number = 0

    @property
    def head(self) -> str:
        self.shop.project.look()
        return str(self.shop.project.pulls[1]["head"]["sha"])

    async def log(self, *events: Event) -> None:
        self.number += 1
        rows = [NewEvent(e.kind, f"test:{self.number}:{n}", dump(e)) for n, e in enumerate(events)]
        await self.store.append(self.thread, rows)

    async def events(self) -> list[Event]:
        found = [parse(row.body) for row in await self.store.events(self.thread)]
        return [event for event in found if event is not None]

    async def look(self) -> list[Event]:
        """What came of two looks."""
        before = len(await self.events())
        for _ in range(2):
            await self.following.look()
        return (await self.events())[before:]

    def fails(self) -> None:
        """A check of another CI than Actions fails: there is no job to run again."""
        self.shop.ann.checks(self.head, "tests", "failure")["app"] = {"slug": "other-ci"}

    def passes(self) -> None:
        """All is well."""
        self.shop.ann.checks(self.head, "tests", "success")

    async def mended(self, text: str, *, begun: bool = True) -> None:
        """A Coder's run of the thread came and went; "" = it changed nothing."""
        name = f"coder-{self.number}"
        if text:
            sha = self.shop.commit("work", "a.txt", text, onto="work")
            await self.log(Pushed(branch="work", commit=sha))
        if begun:
            start = FrameStarted(frame=name, role="coder", content="mend")
            await self.log(MendBegun(frame=name), start, FrameEnded(frame=name, outcome="pr", text=""))
        await self.store.set_ready(self.thread, ready=False)  # its turn has ended


@pytest.fixture
async def case(shop: Shop, tmp_path: Path) -> AsyncIterator[Case]:
    store = await Store.open(tmp_path / "store.db")
    head = shop.commit("work", "a.txt", "a\n")
    status, pull, _ = await shop.call("POST", "/pulls", {"title": "Work", "head": "work", "base": "main"})
    assert status == 201
    settings = GitHubSettings.model_validate_json(json.dumps(shop.twin.settings("butler", postSeconds=0)))
    spot = spot_of(shop.project.clone_url, settings)
    assert spot is not None
    hearing = Hearing(await calls_for(spot, settings), settings, store, spot.full_name)
    opened = ThreadOpened(owner=ANN, title="Work")
    rows = [NewEvent(opened.kind, "opened", dump(opened))]
    thread = "t1"
    await store.open_thread(
        thread, title="Work", owner="ann", bindings=[("github", "acme/shop#9")], events=rows, ready=False
    )
    made = Case(shop, store, Following(hearing, store), thread)
    await made.log(
        PrOpened(number=1, url=str(pull["html_url"]), title="Work"),
        Pushed(branch="work", commit=head),
        PhaseChanged(phase="lead", why="pull request open"),
    )
    await store.append(thread, [], row={"pr": "1", "phase": "lead"})
    yield made
    await hearing.close()
    await store.close()
