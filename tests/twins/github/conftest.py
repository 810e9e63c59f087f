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
from codebutler.events import MessageReceived, parse
from codebutler.forges.choose import calls_for, forge_for
from codebutler.forges.github.forge import GitHubForge
from codebutler.forges.github.spot import spot_of
from codebutler.repo.discover import Repo, find_repo
from codebutler.settings.github import GitHub as GitHubSettings
from codebutler.settings.shape import Settings
from codebutler.store.store import Store
from codebutler.surfaces.github.door import GitHub
from codebutler.surfaces.github.hearing import Hearing
from codebutler.surfaces.github.polling import Polling
from codebutler.testing.github.human import Human
from codebutler.testing.github.project import Project
from codebutler.testing.github.server import GitHubTwin
from codebutler.thread.intake import receive


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
