"""What the doctor asks of MCP servers: which there are, who may use them, and what they offer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from codebutler.agent.roles import Role
from codebutler.config import Config
from codebutler.errors import CodeButlerError
from codebutler.repo import snapshots
from codebutler.repo.discover import Repo
from codebutler.repo.objects import show_linked
from codebutler.sandbox.configured import sandbox_settings
from codebutler.sandbox.executor import Executor
from codebutler.servers.cleaning import cleaned
from codebutler.servers.connection import Patience
from codebutler.servers.declared import FILES, Declared, Server, declared
from codebutler.servers.grants import granted, may_use_server
from codebutler.servers.reach import reach
from codebutler.service.doctor_check import Check, note, ok, problem

Roles = Mapping[str, tuple[Role, str]]
_AREA = "mcp"
PATIENCE = Patience()


async def examine(repo: Repo | None, config: Config, roles: Roles, *, live: bool) -> list[Check]:
    """Each server with its roles, and what is left out and why. ``live``: start them, and ask."""
    texts = {path: await show_linked(repo.gitdir, repo.head, path) or "" for path in FILES} if repo else {}
    known = declared(config, texts)
    checks = [_left_out(line) for line in known.problems]
    checks += _unknown(config, known, roles)
    for server in known.servers.values():
        users = [name for name, (role, _) in roles.items() if _may_use(role, server, config)]
        checks.append(_server(server, users, config))
    if live and repo is not None:
        checks += await _asked(repo, config, list(known.servers.values()))
    return checks


def _may_use(role: Role, server: Server, config: Config) -> bool:
    return may_use_server(server.name, role.mcp, granted(role.name, config.mcp.roles))


def _left_out(line: str) -> Check:
    if line.startswith("mcp.servers."):
        return problem(_AREA, line, "Mend it in config.json of the global folder")
    return note(_AREA, f"{line} (as committed)")


def _unknown(config: Config, known: Declared, roles: Roles) -> list[Check]:
    """Grants to roles and of servers that are not there, and empty servers: mostly slips of the pen."""
    nobody = [
        note(_AREA, f"mcp.roles.{role}: there is no such role; there are {', '.join(sorted(roles))}")
        for role in config.mcp.roles
        if role not in roles
    ]
    idle = [
        note(_AREA, f"mcp.servers.{name} has neither a command nor a url, so it is no server")
        for name, given in config.mcp.servers.items()
        if not (given.command or given.url or given.env)
    ]
    unserved = [
        note(_AREA, f"mcp.roles.{role} names {entry}, and there is no such server")
        for role, entries in config.mcp.roles.items()
        for entry in entries
        if entry != "*" and entry.partition("/")[0] not in known.servers
    ]
    return nobody + idle + unserved


def _server(server: Server, users: Sequence[str], config: Config) -> Check:
    place = "in the sandbox" if server.inside else f"at {server.target.origin if server.target else ''}"
    said = f"{server.name}, {place}, named by {server.source}"
    if not users:
        return note(_AREA, f"{said}: no role may use it; mcp.roles grants it")
    if server.inside and config.sandbox.tier != "bwrap":
        return note(_AREA, f"{said}: it is not started, as sandbox.tier is {config.sandbox.tier}")
    return ok(_AREA, f"{said}: for {', '.join(users)}")


async def _asked(repo: Repo, config: Config, servers: Sequence[Server]) -> list[Check]:
    """What each offers, on a read-only copy of the last commit."""
    settings = sandbox_settings(config)
    try:
        folder = await snapshots.ensure(repo, repo.head, settings=settings)
        executor = await Executor.start(
            folder, read_only=True, own=True, gitdir=repo.gitdir, settings=settings
        )
    except CodeButlerError as error:
        return [problem(_AREA, error.message, error.fix)]
    try:
        return [check for server in servers for check in await _offers(server, executor)]
    finally:
        await executor.close()


async def _offers(server: Server, executor: Executor) -> list[Check]:
    async def hands() -> Executor:
        return executor

    connection = reach(server, PATIENCE, hands)
    try:
        await connection.start()
        tools, left_out = cleaned(server.name, await connection.tools())
    except CodeButlerError as error:
        closed = server.target is not None and not server.target.vouched
        inner = closed and server.source == f"mcp.servers.{server.name}"
        own = f" (at an address of your own network it needs {server.source}.private = true)" if inner else ""
        return [problem(_AREA, error.message, f"Mend it{own}, or take it out of {server.source}")]
    finally:
        await connection.close()
    names = ", ".join(f"{t.tool}{' (reads)' if t.read_only else ''}" for t in tools)
    lost = [note(_AREA, f"{server.name}: left out: {line}") for line in left_out]
    return [ok(_AREA, f"{server.name} offers {names or 'nothing'}"), *lost]
