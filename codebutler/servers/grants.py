"""Who may use which server. A role's file says at most what; the host grants; nothing else widens it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

SHIPPED: Mapping[str, Sequence[str]] = {"coder": ("*",)}
"""What is granted to roles that ``mcp.roles`` does not name: all to the Coder, nothing to anybody else."""


def granted(role: str, roles: Mapping[str, Sequence[str]]) -> Sequence[str]:
    """What the host grants to ``role``, given its ``mcp.roles``."""
    return roles.get(role, SHIPPED.get(role, ()))


def may_use_server(server: str, *lists: Collection[str]) -> bool:
    """Whether every list names the server or a tool of it."""
    return all(any(entry in {"*", server} or entry.startswith(f"{server}/") for entry in x) for x in lists)


def may_use(server: str, tool: str, *lists: Collection[str]) -> bool:
    """Whether every list names the tool: by itself (``server/tool``), by its server, or by ``*``."""
    return all({"*", server, f"{server}/{tool}"} & set(entries) for entries in lists)
