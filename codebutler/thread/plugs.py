"""A thread's MCP servers: what they offer, once, in the log; and those that run during a turn."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from codebutler.agent.roles import Role
from codebutler.errors import CodeButlerError, ToolFailed
from codebutler.events import McpListed, McpTool
from codebutler.sandbox.executor import Executor
from codebutler.servers.cleaning import cleaned, fitting
from codebutler.servers.connection import Connection, Patience
from codebutler.servers.declared import Declared, Server
from codebutler.servers.grants import granted, may_use, may_use_server
from codebutler.servers.reach import reach
from codebutler.servers.results import failure, tool_result
from codebutler.text import fit
from codebutler.thread.host import Host
from codebutler.thread.log import ThreadLog
from codebutler.toolset.mcp import tool_of
from codebutler.toolset.registry import Tool
from codebutler.types import ToolResult

STARTS = 3
"""How often one server is started in one turn."""
NOTICE = 1_000
"""Characters of a server's words that people are shown."""
CHANGES = "bash"
"""A role without this tool may use only tools of which their server says that they change nothing."""


def notice(listed: McpListed) -> str:
    """What people should know of it, if anything. A server's words are code there: they ping nobody."""
    if listed.problem:
        head, said = f"gives the role `{listed.role}` no tools", listed.problem
    elif listed.left_out:
        head, said = "has tools that are left out", "\n".join(listed.left_out)
    else:
        return ""
    shown = fit(said, NOTICE).replace("`", "'")
    return f"The MCP server `{listed.server}` {head}:\n```\n{shown}\n```"


class Plugs:
    """Made anew for each turn; what servers offer is in the log."""

    def __init__(
        self,
        host: Host,
        log: ThreadLog,
        hands: Callable[[], Awaitable[Executor]],
        patience: Patience | None = None,
    ) -> None:
        """``hands``: the thread's executor, beside which servers run."""
        self._host, self._log, self._hands = host, log, hands
        self._patience = patience or host.patience
        self._running: dict[str, Connection] = {}
        self._starts: dict[str, int] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._round = 0

    async def list_for(self, role: Role) -> list[McpListed]:
        """Ask the servers that ``role`` may use, and that nobody had and it did not ask; returns the new."""
        known = (await self._declared()).servers.values()
        new = await asyncio.gather(*(self._list(x, role) for x in known if self._is_due(role, x.name)))
        if new:
            await self._log.append(*new)
        return new

    def tools_for(self, role: Role) -> list[Tool]:
        """The tools of servers that ``role`` has, from the log alone: the same bytes each time."""
        offered = self._offered(role)
        return [tool_of(listed, each) for listed, each in offered[: fitting(e for _, e in offered)]]

    async def news(self, role: Role) -> list[tuple[str, str]]:
        """(source, words) of what people should know once of servers and tools that ``role`` cannot have."""
        theirs = granted(role.name, self._host.config.mcp.roles)
        unread = (await self._declared()).unread if theirs and role.mcp else ()
        told: list[tuple[str, str]] = []
        for line in unread:
            words = f"No MCP servers of {line}. Mend it, commit that, and open a new thread."
            told.append((f"notice:mcp-file:{line.partition(':')[0]}", words))
        if words := self._beyond(role):
            told.append((f"notice:mcp-tools:{role.name}", words))
        return told

    def _beyond(self, role: Role) -> str:
        """What people should know of tools that ``role`` may use and that do not fit, if there are any."""
        offered = self._offered(role)
        lost = offered[fitting(each for _, each in offered) :]
        if not lost:
            return ""
        kept = len(offered) - len(lost)
        names = fit(", ".join(each.name for _, each in lost), NOTICE)
        return (
            f"Of the tools of MCP servers the {role.title} has the first {kept}, as more do not fit. "
            f"The host's `mcp.roles` can name those that matter. Left out: {names}."
        )

    def _offered(self, role: Role) -> list[tuple[McpListed, McpTool]]:
        theirs = granted(role.name, self._host.config.mcp.roles)
        return [
            (listed, each)
            for listed in self._log.state.plugs.values()
            if (role.name, listed.server) not in self._log.state.unplugged
            for each in listed.tools
            if may_use(listed.server, each.tool, role.mcp, theirs)
            and (each.read_only or CHANGES in role.tools)
        ]

    async def call(self, name: str, tool: str, arguments: Mapping[str, Any]) -> ToolResult:
        """Call a tool. One that has gone is started again, a few times. ToolFailed: there is no server."""
        server = (await self._declared()).servers.get(name)
        if server is None:
            raise ToolFailed(f"the server {name} is no longer named by the host or the repo")
        try:
            connection = await self._connected(server)
            return tool_result(name, await connection.call(tool, arguments))
        except ToolFailed as error:
            return failure(name, str(error))

    async def close(self) -> None:
        """End all that run; what is just starting ends itself."""
        self._round += 1
        running, self._running = self._running, {}
        await asyncio.gather(*(each.close() for each in running.values()))

    async def _declared(self) -> Declared:
        base = self._log.state.base
        if base is None:
            return Declared({})
        return (await self._host.rules(base.commit)).servers

    def _is_due(self, role: Role, server: str) -> bool:
        state = self._log.state
        had = state.plugs.get(server)
        asked = (role.name, server) in state.unplugged or (had is not None and not had.problem)
        return not asked and may_use_server(server, role.mcp, granted(role.name, self._host.config.mcp.roles))

    async def _list(self, server: Server, role: Role) -> McpListed:
        try:
            connection = await self._connected(server)
            tools, left_out = cleaned(server.name, await connection.tools())
        except CodeButlerError as error:
            return McpListed(server=server.name, role=role.name, inside=server.inside, problem=str(error))
        return McpListed(
            server=server.name, role=role.name, inside=server.inside, tools=tools, left_out=left_out
        )

    async def _connected(self, server: Server) -> Connection:
        async with self._locks.setdefault(server.name, asyncio.Lock()):
            running = self._running.get(server.name)
            if running is not None and running.alive:
                return running
            if running is not None:
                await running.close()
            began, starts = self._round, self._starts.get(server.name, 0)
            if starts >= STARTS:
                raise ToolFailed(
                    f"{server.name} has ended {starts} times and is not started again in this turn"
                )
            self._starts[server.name] = starts + 1
            if server.inside:
                await self._hands()  # which may wait for a long setup, and not on the server's time
            fresh = reach(server, self._patience, self._hands)
            await fresh.start()
            if began != self._round:
                await fresh.close()
                raise ToolFailed(f"{server.name} was stopped while it started")
            self._running[server.name] = fresh
            return fresh
