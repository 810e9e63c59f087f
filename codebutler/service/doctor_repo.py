"""What the doctor asks a repo: its remote, and what its last commit says of configuration and roles."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from codebutler.agent.roles import Role, load_role, shipped_names
from codebutler.config import FILE, Config, load_config
from codebutler.errors import CodeButlerError, ConfigError, RepoError
from codebutler.forges.choose import forge_for, taken_branches
from codebutler.forges.github.forge import GitHubForge
from codebutler.repo import namesake, skills
from codebutler.repo.discover import Repo, find_repo
from codebutler.repo.instructions import of_folders
from codebutler.repo.objects import list_files, show_file
from codebutler.repo.remotes import is_local
from codebutler.service.doctor_check import Check, note, ok, problem
from codebutler.service.github_side import github_webhooks
from codebutler.settings.files import read_repo

_ROLES = ".codebutler/roles"


async def repo(path: Path) -> tuple[Repo | None, list[Check]]:
    """The repo around ``path``."""
    try:
        found = await find_repo(await asyncio.to_thread(path.resolve))
    except CodeButlerError as error:
        return None, [problem("repo", error.message, error.fix)]
    where = f"on {found.branch}" if found.branch else f"detached at {found.head[:10]}"
    return found, [ok("repo", f"{found.root}, {where}, default branch {found.default_branch}")]


async def remote(
    repo: Repo, config: Config | None, home: Path | None, *, offline: bool = False
) -> list[Check]:
    """Whether pull requests can be made for the repo's remote. ``offline``: GitHub is not asked."""
    if not repo.remote_url:
        return [note("remote", "none: a bare remote will be made in the global folder")]
    if config is None or home is None or is_local(repo.remote_url) or config.forge == "local":
        return [ok("remote", repo.remote_name)]
    try:
        forge = await forge_for(repo, config, home=home, checked=False)
    except ConfigError as error:
        return [problem("remote", error.message, error.fix)]
    if not isinstance(forge, GitHubForge):
        return [ok("remote", repo.remote_name)]
    unheard = _webhooks(config)
    if offline:
        return [ok("remote", f"{repo.remote_name}, at GitHub: {forge.full_name}, not asked"), *unheard]
    remark = await forge.check()
    found = ok("remote", f"{repo.remote_name}, at GitHub: {forge.full_name} takes our pushes")
    return [found, *([note("remote", remark)] if remark else []), *unheard]


def _webhooks(config: Config) -> list[Check]:
    """What would keep the GitHub door from hearing webhooks."""
    try:
        github_webhooks(config)
    except ConfigError as error:
        return [problem("github", error.message, error.fix)]
    return []


async def room(repo: Repo, config: Config | None, home: Path | None, *, offline: bool = False) -> list[Check]:
    """Whether threads can have branches. ``offline``: the remote counts as it was last fetched."""
    blocked = await namesake.known(repo)
    if config is not None and home is not None and not offline:
        try:
            await taken_branches(repo, config, home=home)
            blocked = None
        except RepoError as error:
            blocked = error
    return [] if blocked is None else [problem("branches", blocked.message, blocked.fix)]


def uncommitted(repo: Repo, committed: str, home: Path, env: Mapping[str, str]) -> list[Check]:
    """What the checkout's own config file says that does not hold yet, and whether it could."""
    try:
        text = read_repo(repo.root)
        if text == committed:
            return []
        load_config(repo.root, home=home, env=env, repo_text=text)
    except CodeButlerError as error:
        return [problem("config", f"not committed yet: {error.message}", error.fix)]
    return [
        note("config", f"{repo.inner / FILE} differs from the committed one: takes effect when committed")
    ]


async def roles(repo: Repo | None) -> tuple[Mapping[str, tuple[Role, str]], list[Check]]:
    """name → the role and its file, for the shipped roles and those of the last commit that are sound."""
    theirs = await list_files(repo.gitdir, repo.head, _ROLES) if repo else []
    files = {Path(path).stem: path for path in theirs if path.endswith(".toml")}
    found: dict[str, tuple[Role, str]] = {}
    checks = []
    for name in dict.fromkeys((*shipped_names(), *sorted(files))):
        try:
            text = await show_file(repo.gitdir, repo.head, files[name]) if repo and name in files else None
            found[name] = load_role(name, repo_text=text), files.get(name, f"roles/{name}.toml")
        except CodeButlerError as error:
            checks.append(
                problem(f"role {name}", f"{error.message} (as committed)", f"{error.fix} Commit it.")
            )
    return found, checks


async def told(repo: Repo) -> list[Check]:
    """Instructions and skills that the last commit has for the roles."""
    found = await of_folders(repo.gitdir, repo.head, [""])
    checks = [ok("instructions", each.path) for each in found]
    known = await skills.find(repo.gitdir, repo.head)
    if known.found:
        checks.append(ok("skills", ", ".join(known.found)))
    return checks + [
        note("skills", f"left out, as committed: {line}, and commit that") for line in known.problems
    ]
