"""Which servers there are: the host's own, and those that a repo names in its base commit.

A repo's file can add servers that run in the sandbox. It can use no variable and no URL that the host does
not name for it, and it can replace no server of the host.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct

from codebutler.config import Config
from codebutler.errors import ToolFailed
from codebutler.servers.schemas import short
from codebutler.settings.mcp import NAME, McpServer
from codebutler.web.urls import Target, read

FILES = (".mcp.json", ".claude/mcp.json")
"""Where a repo names them. Of two with one name, the first wins."""
AT_MOST = 20
_ENTRIES, _WORDS, _CHARS = 100, 64, 4096
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")
_NAME_OF_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_HEADER = re.compile(r"[A-Za-z0-9-]{1,100}")
_RESERVED = re.compile(r"(LD_|GIT_|GLIBC_|GCONV_|BASH_ENV$|PATH$|HOME$)")
"""Variables of the sandbox itself, which a repo's file must not change."""


@dataclass(frozen=True, slots=True)
class Server:
    """One server. ``source`` says who named it; ``words`` is its command line, or ``target`` its place."""

    name: str
    source: str
    words: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    target: Target | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def inside(self) -> bool:
        """Whether it runs in the thread's sandbox."""
        return self.target is None


_NO_FILE = 'it is not {"mcpServers": {NAME: …}} in JSON'


class Declared(Struct, frozen=True):
    """All servers by name. ``problems`` are lines for people: what is left out, and why.

    ``unread`` are those of them that say of a whole file that it is none.
    """

    servers: Mapping[str, Server]
    problems: Sequence[str] = ()
    unread: Sequence[str] = ()


def declared(config: Config, files: Mapping[str, str]) -> Declared:
    """The servers of the host and of a repo's ``files`` (texts by path)."""
    found: dict[str, Server] = {}
    problems: list[str] = []
    for name, given in config.mcp.servers.items():
        if given.command or given.url:
            _take(found, problems, f"mcp.servers.{name}", name, partial(_hosts, name, given))
    for path in FILES if config.mcp.repo else ():
        for name, entry in _entries(files.get(path, ""), path, problems).items():
            if name in found:
                problems.append(f"{path}: {found[name].source} names the server {name} already")
            else:
                _take(found, problems, path, name, partial(_repos, name, entry, path, config))
    return Declared(found, problems, [line for line in problems if line.endswith(_NO_FILE)])


def _take(
    found: dict[str, Server], problems: list[str], where: str, name: str, make: Callable[[], Server]
) -> None:
    try:
        _need_room(name, found)
        found[name] = make()
    except ToolFailed as error:
        problems.append(f"{where}: the server {short(name, 40)!r} is left out: {error.message}")


def _need_room(name: str, found: Mapping[str, Server]) -> None:
    if not NAME.fullmatch(name):
        raise ToolFailed("its name must consist of up to 24 of A-Z, a-z, 0-9, - and single _ within it")
    if len(found) >= AT_MOST:
        raise ToolFailed(f"only {AT_MOST} servers are taken")


def _hosts(name: str, given: McpServer) -> Server:
    source = f"mcp.servers.{name}"
    environment = {key: value.get_secret_value() for key, value in given.env.items()}
    headers = {key: _line(value.get_secret_value()) for key, value in given.headers.items()}
    if given.command and given.url:
        raise ToolFailed("it has both a command and a url")
    if given.command:
        return Server(name, source, (given.command, *given.args), environment)
    return Server(name, source, target=_target(given.url or "", private=given.private), headers=headers)


def _entries(text: str, path: str, problems: list[str]) -> dict[str, Any]:
    if not text.strip():
        return {}
    try:
        entries = list(json.loads(text)["mcpServers"].items())
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        problems.append(f"{path}: {_NO_FILE}")
        return {}
    if len(entries) > _ENTRIES:
        problems.append(
            f"{path}: it names {len(entries)} servers; all after the first {_ENTRIES} are left out"
        )
    return dict(entries[:_ENTRIES])


def _repos(name: str, entry: object, path: str, config: Config) -> Server:
    """A repo's server, with variables that the host named for it and no others."""
    if not isinstance(entry, dict):
        raise ToolFailed("its entry is no JSON object")
    given = config.mcp.servers.get(name)
    known = {key: value.get_secret_value() for key, value in given.env.items()} if given else {}
    kind = entry.get("type", "http" if "url" in entry else "stdio")
    if kind == "stdio":
        words = [
            _text(each, "command and args") for each in (entry.get("command"), *_list(entry.get("args")))
        ]
        environment = _pairs(entry.get("env"), _NAME_OF_VARIABLE, "env", known)
        if any(_RESERVED.match(key) for key in environment):
            raise ToolFailed("its env sets a variable that belongs to the sandbox")
        return Server(name, path, tuple(_expanded(each, {}) for each in words), environment)
    if kind not in {"http", "streamable-http", "streamableHttp"}:
        raise ToolFailed(f"its type {str(kind)[:20]!r} is not stdio or http")
    target = _target(_expanded(_text(entry.get("url"), "url"), {}))
    if f"{target.host}:{target.port}" not in {each.lower() for each in config.mcp.allow}:
        raise ToolFailed(f"{target.host}:{target.port} is not in mcp.allow of this host")
    if target.scheme != "https":
        raise ToolFailed("a repo's server must be at an https URL")
    return Server(name, path, target=target, headers=_pairs(entry.get("headers"), _HEADER, "headers", known))


def _target(url: str, *, private: bool = False) -> Target:
    """Where ``url`` is. ``private``: the host's owner vouches for it, whatever its address is."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80}.get(parts.scheme, 443)
    except ValueError as error:
        raise ToolFailed(f"its url is no URL: {error}") from error
    return read(url, ports=range(1, 65536), private=(f"{parts.hostname}:{port}",) if private else ())


def _list(value: object) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list) or len(value) > _WORDS:
        raise ToolFailed(f"its args are no list of at most {_WORDS} texts")
    return value


def _text(value: object, what: str) -> str:
    if not isinstance(value, str) or not value or len(value) > _CHARS or "\0" in value:
        raise ToolFailed(f"its {what} must be text, up to {_CHARS} characters")
    return value


def _pairs(value: object, names: re.Pattern[str], what: str, known: Mapping[str, str]) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict) or len(value) > _WORDS:
        raise ToolFailed(f"its {what} is no object of at most {_WORDS} texts")
    pairs = {}
    for key, text in value.items():
        if not names.fullmatch(key):
            raise ToolFailed(f"{key[:40]!r} in its {what} is no proper name")
        pairs[key] = _line(_expanded(_text(text, what) if text != "" else "", known))
    return pairs


def _line(text: str) -> str:
    if any(char in text for char in "\r\n\0"):
        raise ToolFailed("a value of its env or headers has more than one line")
    return text


def _expanded(text: str, known: Mapping[str, str]) -> str:
    """``text`` with ${NAME} and ${NAME:-otherwise}. The daemon's own environment is never looked at."""

    def value(found: re.Match[str]) -> str:
        said = known.get(found[1], found[2])
        if said is None:
            raise ToolFailed(
                f"${{{found[1]}}} is not known: only variables of mcp.servers.NAME.env of this host are, "
                "in env and headers"
            )
        return said

    return _VARIABLE.sub(value, text)
