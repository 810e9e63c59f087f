"""MCP servers: what the host runs or trusts, and which role may use which. All of it is the host's to set."""

import re
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, Field, SecretStr

from codebutler.settings.parts import HostPort, Line, Section, Url

NAME = re.compile(r"(?!_)(?!.*__)[A-Za-z0-9_-]{1,24}(?<!_)")
"""A server's name; underscores in a row or at an end would make its tools' names ambiguous."""


def _server_name(value: str) -> str:
    if not NAME.fullmatch(value):
        raise ValueError("a server's name consists of up to 24 of A-Z, a-z, 0-9, - and single _ within it")
    return value


def _variable(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,99}", value):
        raise ValueError("a variable's name consists of A-Z, a-z, 0-9 and _")
    return value


def _header(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9-]{1,100}", value):
        raise ValueError("a header's name consists of A-Z, a-z, 0-9 and -")
    return value


ServerName: TypeAlias = Annotated[str, AfterValidator(_server_name)]


class McpServer(Section):
    """One server. With ``command`` (and ``args``) it runs in the sandbox, with ``url`` the daemon calls it;
    with neither, ``env`` holds what ``${NAME}`` means in a repo's server of that name. ``private`` lets
    ``url`` lead to an address that is not public.
    """

    command: Line | None = None
    args: list[str] = []
    env: dict[Annotated[str, AfterValidator(_variable)], SecretStr] = {}
    url: Url | None = None
    headers: dict[Annotated[str, AfterValidator(_header)], SecretStr] = {}
    private: bool = False


class Mcp(Section):
    """``repo``: whether a repo's own servers count at all. ``allow``: host:port pairs that a repo's servers
    with a ``url`` may be at. ``roles``: what each role may use; what is not named here is as shipped.
    """

    repo: bool = True
    allow: list[HostPort] = []
    servers: dict[ServerName, McpServer] = {}
    roles: dict[Annotated[str, Field(pattern=r"\A[a-z][a-z0-9_-]{0,30}\z")], list[Line]] = {}
