"""What all threads of one repo share: config, git, forge, model client, ledger; and the rules of a commit."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from codebutler import assets, logs
from codebutler.agent.roles import Role, load_roles, system_prompt
from codebutler.config import Config
from codebutler.errors import CodeButlerError, ConfigError
from codebutler.events import MergeRequested
from codebutler.models.breaker import Breaker
from codebutler.models.routing import Router
from codebutler.places import Places
from codebutler.redact import Redactor
from codebutler.repo import leftovers, skills, snapshots, worktrees
from codebutler.repo.discover import Repo
from codebutler.repo.instructions import Instructions, of_folders
from codebutler.repo.memory import MEMORY_FILES
from codebutler.repo.memory_file import MEMORY_LIMIT
from codebutler.repo.objects import FILE_LIMIT, list_files, show_file, show_linked
from codebutler.repo.skills import Skills
from codebutler.sandbox.settings import SandboxSettings
from codebutler.servers.connection import Patience
from codebutler.servers.declared import FILES as MCP_FILES
from codebutler.servers.declared import Declared, declared
from codebutler.setup.service import Setups
from codebutler.store.copies import Copy
from codebutler.store.store import Store
from codebutler.thread.houses import Houses
from codebutler.thread.radar import Radar
from codebutler.toolset import images as image_tools
from codebutler.toolset import memory as memory_tools
from codebutler.toolset import native, research, team
from codebutler.toolset import repo as repo_tools
from codebutler.toolset import skills as skill_tools
from codebutler.toolset import web as web_tools
from codebutler.toolset.registry import Tool, Toolset
from codebutler.types import ModelClient, Person
from codebutler.web.service import Web

log = logging.getLogger("codebutler.host")
FOLDER = ".codebutler"
MEMORY_FOLDER = f"{FOLDER}/memory"
JOURNALS = f"{FOLDER}/journals"
OURS = (f"{MEMORY_FOLDER}/", f"{JOURNALS}/")
"""Folders that no role writes: what it changes there is put back, and said."""
PLANNERS = 16
"""PMs and Leads at work at once, or as many as Coders if those may be more: they mostly wait for models."""
ADMINS = "ADMINS"
"""Marks the lines of the service's log that are for whoever runs the host."""
PROMPTS = ("pm.md", "researcher.md", "coder.md", "lead.md", "artist.md", "shared.md")


def known_tools(*, scratch: bool = False, plain: bool = False) -> dict[str, Tool]:
    """Every tool there is, by name, in the order in which models see them. The options: see native.tools."""
    own = (*team.TOOLS, *repo_tools.TOOLS, *memory_tools.TOOLS, *skill_tools.TOOLS)
    beside = (*research.TOOLS, *web_tools.TOOLS, *image_tools.TOOLS)
    all_tools = (*native.tools(scratch=scratch, plain=plain), *own, *beside)
    return {t.spec.name: t for t in all_tools}


def memory_path(file: str) -> str:
    """A memory file's path in the repo."""
    return f"{MEMORY_FOLDER}/{file}"


def tell_admins(words: str) -> None:
    """Until a door has an admin channel, the service's log is the place for it."""
    log.warning("%s: %s", ADMINS, words)


@dataclass(frozen=True)
class Rules:
    """Roles, prompts and memory as one commit of the repo has them. A branch cannot rewrite its own."""

    roles: Mapping[str, Role]
    prompts: Mapping[str, str]
    memory: Mapping[str, str]
    agents: Instructions | None
    """AGENTS.md at the top, or CLAUDE.md where there is none."""
    skills: Skills
    servers: Declared
    """MCP servers, the host's own among them."""
    _systems: dict[str, str] = field(default_factory=dict)

    def system(self, role: Role) -> str:
        """The role's system prompt, made once."""
        reaches_out = "web_fetch" in role.tools  # who reads the web cannot tell it what the repo says
        if role.name not in self._systems:
            self._systems[role.name] = system_prompt(
                role,
                prompts=self.prompts,
                memory=self.memory,
                agents_md=self.agents.text if self.agents and not reaches_out else "",
                agents_path=self.agents.path if self.agents else "",
                skills="" if reaches_out else self.skills.listing(),
            )
        return self._systems[role.name]


async def load_rules(repo: Repo, commit: str, config: Config) -> Rules:
    """Read the repo's own rules at ``commit``, over the shipped ones."""
    theirs: dict[str, str] = {}
    for path in await list_files(repo.gitdir, commit, FOLDER):
        kind = path.split("/")[1]
        if kind in {"prompts", "memory", "roles"}:
            limit = MEMORY_LIMIT if kind == "memory" else FILE_LIMIT
            theirs[path] = await show_file(repo.gitdir, commit, path, limit=limit) or ""
    roles = {
        Path(path).stem: text
        for path, text in theirs.items()
        if path.startswith(f"{FOLDER}/roles/") and path.endswith(".toml")
    }
    return Rules(
        roles=load_roles(roles, known_tools=tuple(known_tools())),
        prompts=_over("prompts_defaults", "prompts", PROMPTS, theirs),
        memory=_over("memory_defaults", "memory", MEMORY_FILES, theirs),
        agents=next(iter(await of_folders(repo.gitdir, commit, [""])), None),
        skills=await skills.find(repo.gitdir, commit),
        servers=declared(config, {p: await show_linked(repo.gitdir, commit, p) or "" for p in MCP_FILES}),
    )


def _over(shipped: str, folder: str, names: tuple[str, ...], theirs: Mapping[str, str]) -> dict[str, str]:
    texts = {name: assets.text(shipped, name) for name in names}
    prefix = f"{FOLDER}/{folder}/"
    texts.update({p.removeprefix(prefix): t for p, t in theirs.items() if p.startswith(prefix)})
    return texts


class Objection(Protocol):
    """Asked of the forge's door before a merge, and while a queue has it."""

    async def __call__(self, thread: str, number: int, asked: MergeRequested, *, queued: bool) -> str:
        """Why the word to merge holds no more, or ""."""
        ...


@dataclass
class Host:
    """The repo's services. ``ledger`` holds the caps of a person and a day, over all repos."""

    repo: Repo
    config: Config
    home: Path
    store: Store
    ledger: Store
    client: ModelClient
    router: Router
    redactor: Redactor
    sandbox: SandboxSettings
    copy: Copy | None = None
    """What is kept of the store outside the repo."""
    log: str = ""
    """The name of the repo's log, which ends with the host."""
    breaker: Breaker = field(default_factory=lambda: Breaker(tell_admins))
    """Which models are away, for all threads."""
    patience: Patience = field(default_factory=Patience)
    """With MCP servers."""
    silence: float = 15.0
    """Seconds of a model's or tool's silence after which people are told, again and again."""
    merging: asyncio.Lock = field(default_factory=asyncio.Lock)
    """One thread at a time brings its branch to terms with the base branch, and merges."""
    radar: Radar = field(default_factory=Radar)
    """What threads know of each other."""
    kick: Callable[[str], None] = lambda _thread: None
    """Sees to it that a thread gets its turn soon; the engine's, where there is one."""
    objection: Objection | None = None
    """What was said at the forge against a merge that somebody asked for; its door's, where there is one."""
    review: Callable[[int], Awaitable[str]] | None = None
    """What reviewers of a pull request still want of it, from the same door; "" for nothing."""
    coders: Places = field(init=False)
    """Places for Coders; planning has its own and never waits behind coding."""
    planners: asyncio.Semaphore = field(init=False)
    setups: Setups = field(init=False)
    """What installs the repo's dependencies."""
    web: Web = field(init=False)
    """Search and pages, for Researchers."""
    houses: Houses = field(init=False)
    """What is set for places such as guilds."""
    _rules: dict[str, Rules] = field(default_factory=dict)
    _own_coders: dict[tuple[str, str], Places] = field(default_factory=dict)
    _coders_at: dict[str, Places] = field(default_factory=dict)
    _toolsets: dict[tuple[str, ...], Toolset] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Places by the configured limit."""
        self.coders = Places(self.config.limits.max_concurrent_threads)
        self.planners = asyncio.Semaphore(max(PLANNERS, self.config.limits.max_concurrent_threads))
        self.setups = Setups(self.repo, self.config, self.home, self.sandbox)
        self.web = Web(self.config.web, self.redactor)
        self.houses = Houses(self.ledger)

    def own_coders(self, person: Person, most: int) -> Places:
        """One person's ``most`` places for Coders. One process runs all turns of a repo: it sees them all."""
        who = (person.surface, person.id)
        if who not in self._own_coders:
            self._own_coders[who] = Places(most)
        return self._own_coders[who]

    def coders_at(self, place: str, most: int) -> Places:
        """A guild's ``most`` places for Coders."""
        places = self._coders_at.setdefault(place, Places(most))
        if places.count != most:
            places.resize(most)
        return places

    async def keep(self, thread: str) -> None:
        """Bring the thread's copy up to date. That it cannot be written stops no work, and is logged."""
        if self.copy is None:
            return
        try:
            await self.copy.follow(thread)
        except CodeButlerError as error:
            log.warning("%s: no copy is kept: %s", thread, error)

    async def rules(self, commit: str) -> Rules:
        """The rules at ``commit``, read once."""
        if commit not in self._rules:
            self._rules[commit] = await load_rules(self.repo, commit, self.config)
        return self._rules[commit]

    def role(self, rules: Rules, name: str) -> Role:
        """The role called ``name``; ConfigError when there is none."""
        if name not in rules.roles:
            raise ConfigError(f"no role {name!r}", fix=f"Roles are: {', '.join(rules.roles)}.")
        return rules.roles[name]

    def toolset(self, role: Role, rules: Rules) -> Toolset:
        """The role's tools; the same object for the same list, so that its wire form is byte-stable."""
        names = native.fitting(role.tools, self.config.model_of(role.name) or role.model)
        if not rules.skills.found:
            names = tuple(name for name in names if name != "skill")
        if names not in self._toolsets:
            known = known_tools(scratch=self.sandbox.git_scratch, plain=native.changes(names))
            self._toolsets[names] = Toolset.of(names, known)
        return self._toolsets[names]

    async def tidy(self) -> None:
        """Clear away what a crash left half made. Only for the process that owns the repo."""
        await leftovers.clear(self.repo)
        await worktrees.sweep(self.repo)
        await snapshots.sweep(self.repo)
        await snapshots.prune(self.repo, in_use=())
        await self.setups.tidy()

    async def close(self) -> None:
        """Close connections and files."""
        await self.setups.close()
        await self.client.close()
        if self.copy is not None:
            await self.copy.close()
        await self.store.close()
        await self.ledger.close()
        if self.log:
            logs.drop(self.log)
