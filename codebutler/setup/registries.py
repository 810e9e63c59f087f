"""Where this host gets packages from: its own tools are asked, since this program knows no registry by name.

What is learnt goes into the sandbox as addresses without user and password: credentials stay outside.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import sys
import tomllib
from ast import literal_eval
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit, urlunsplit

from msgspec import Struct

from codebutler.processes import captured
from codebutler.setup.recipes import Preset

WARNING = "may exfiltrate source: a host that takes uploads can receive what the sandbox reads"
_SECONDS, _BYTES = 20.0, 256 * 1024
_CERTIFICATES = ("/etc/ssl/certs/", "/usr/")
"""Where a file of certificates is that the sandbox sees too."""
FIX = 'Write its hosts yourself: "sandbox": {"setupAllow": ["HOST:443", …]}.'
_DEFAULTS = (
    "import json; from pip._internal.models.index import PyPI; "
    "print(json.dumps([PyPI.simple_url, PyPI.file_storage_domain]))"
)


class Registry(Struct, frozen=True):
    """What a preset means on this host. ``notes`` are for people; ``problem`` says why it means nothing."""

    allow: tuple[str, ...] = ()
    environment: Mapping[str, str] = {}
    notes: tuple[str, ...] = ()
    problem: str = ""


async def resolve(preset: Preset) -> Registry:
    """Ask this host's own tools."""
    return await _ASK[preset]()


async def _pypi() -> Registry:
    said: dict[str, str] = {}
    program: tuple[str, ...] = ()
    for each in (("python3",), (sys.executable,), ("pip",)):
        program = (*each, "-m", "pip") if each != ("pip",) else each
        out = await _run(*program, "config", "list", "--disable-pip-version-check")
        if out is not None:
            said = _pip_settings(out)
            break
    default = await _pip_defaults(program[0])
    urls = _Urls()
    index = said.get("index-url", "")
    first = urls.add(index or default[0])
    if not first:
        return _lost("pypi", "pip does not say which index it uses" if not index else "", urls)
    if urlsplit(first).hostname == urlsplit(default[0]).hostname and default[1]:
        urls.allow[f"{default[1]}:443"] = None
    more = [clean for each in said.get("extra-index-url", "").split() if (clean := urls.add(each))]
    environment = {"PIP_INDEX_URL": first, "UV_DEFAULT_INDEX": first}
    environment |= {"PIP_EXTRA_INDEX_URL": " ".join(more), "UV_INDEX": " ".join(more)} if more else {}
    if said.get("trusted-host"):
        environment["PIP_TRUSTED_HOST"] = said["trusted-host"]
    if certificates := _certificates(said.get("cert", "")):
        environment |= {"PIP_CERT": certificates, "SSL_CERT_FILE": certificates}
    return urls.registry(environment)


def _pip_settings(text: str) -> dict[str, str]:
    """What holds for ``pip install``: variables over the section ``install`` over ``global``."""
    found: dict[str, dict[str, str]] = {}
    for line in text.splitlines():
        key, _, value = line.partition("=")
        section, _, name = key.strip().partition(".")
        with suppress(ValueError, SyntaxError):
            found.setdefault(section, {})[name] = str(literal_eval(value))
    return found.get("global", {}) | found.get("install", {}) | found.get(":env:", {})


async def _pip_defaults(program: str) -> tuple[str, str]:
    """The index and the host of files that pip has built in."""
    for python in (program, sys.executable):
        out = await _run(python, "-c", _DEFAULTS)
        with suppress(ValueError, TypeError):
            index, files = json.loads(out or "")
            return str(index), str(files)
    return "", ""


async def _npm() -> Registry:
    out = await _run("npm", "config", "list", "--json")
    said = _object(out)
    urls = _Urls()
    first = urls.add(str(said.get("registry", "")))
    if not first:
        return _lost("npm", "npm does not say which registry it uses", urls)
    environment = {"npm_config_registry": first, "YARN_NPM_REGISTRY_SERVER": first}
    for key, value in said.items():
        if key.startswith("@") and key.endswith(":registry") and (clean := urls.add(str(value))):
            environment[f"npm_config_{key}"] = clean
    if certificates := _certificates(str(said.get("cafile") or "")):
        environment["npm_config_cafile"] = certificates
    return urls.registry(environment)


async def _crates() -> Registry:
    top = await asyncio.to_thread(_cargo_home)
    config, indexes = await asyncio.to_thread(_cargo_files, top)
    urls = _Urls()
    mirror = _replacement(config)
    if mirror:
        clean = urls.add(mirror.removeprefix("sparse+"))
        if not clean:
            return _lost("crates", "", urls)
        sparse = "sparse+" if mirror.startswith("sparse+") else ""
        text = (
            '[source.crates-io]\nreplace-with = "mirror"\n[source.mirror]\n'
            f"registry = {json.dumps(sparse + clean)}\n"
        )
        return urls.registry({"CODEBUTLER_CARGO": text})
    for name, download in indexes.items():
        urls.add(f"https://{name}")
        urls.add(download)
    return urls.registry({}) if urls.allow else _lost("crates", f"{top} holds no registry index yet", urls)


def _cargo_home() -> Path:
    return Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")


def _cargo_files(top: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """cargo's configuration, and the hosts of the indexes it has used, with where each says files are."""
    config: dict[str, Any] = {}
    for name in ("config.toml", "config"):
        with suppress(OSError, ValueError):
            config = tomllib.loads((top / name).read_text(encoding="utf-8"))
            break
    indexes = {}
    for folder in sorted((top / "registry" / "index").glob("*-????????????????")):
        with suppress(OSError, ValueError):
            said = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            indexes[folder.name.rpartition("-")[0]] = str(said.get("dl", ""))
    return config, indexes


def _replacement(config: Mapping[str, Any]) -> str:
    """The registry that stands in for the usual one; "" if none does."""
    sources = config.get("source")
    name, seen = "crates-io", set[str]()
    while isinstance(sources, dict) and isinstance(sources.get(name), dict) and name not in seen:
        seen.add(name)
        if "replace-with" not in sources[name]:
            return str(sources[name].get("registry", ""))
        name = str(sources[name]["replace-with"])
    return ""


async def _go() -> Registry:
    said = _object(await _run("go", "env", "-json", "GOPROXY", "GOSUMDB"))
    urls = _Urls()
    proxies = re.split(r"[,|]", str(said.get("GOPROXY", "")))
    kept = [clean for each in proxies if "://" in each and (clean := urls.add(each))]
    if not kept:
        return _lost("go", "go does not say which proxy it uses", urls)
    sums = str(said.get("GOSUMDB", "")).split()
    if sums and sums[0] != "off":
        urls.add(sums[1] if len(sums) > 1 else f"https://{sums[0].partition('+')[0]}")
    return urls.registry({"GOPROXY": ",".join(kept), "GOSUMDB": " ".join(sums) or "off"})


_ASK: Mapping[Preset, Callable[[], Awaitable[Registry]]] = {
    "pypi": _pypi,
    "npm": _npm,
    "crates": _crates,
    "go": _go,
}


class _Urls:
    """Collects the hosts of addresses, and takes user and password out of each."""

    def __init__(self) -> None:
        self.allow: dict[str, None] = {}
        self.notes: dict[str, None] = {}

    def add(self, text: str) -> str:
        """The address without credentials; "" for one that no sandbox can reach."""
        try:
            parts = urlsplit(text.strip())
            port = parts.port or {"https": 443, "http": 80}.get(parts.scheme, 0)
        except ValueError:
            return ""
        if not text or not parts.hostname or parts.scheme not in {"http", "https"}:
            if text:
                self.notes[
                    f"{parts.scheme or 'a local'} address left out: setup has no files of this host"
                ] = None
            return ""
        self.allow[f"{parts.hostname}:{port}"] = None
        if parts.username or parts.password:
            self.notes[f"{parts.hostname}: user and password are left out; setup asks it without them"] = None
        return urlunsplit(SplitResult(parts.scheme, _place(parts), parts.path, parts.query, ""))

    def registry(self, environment: Mapping[str, str]) -> Registry:
        """The result."""
        return Registry(tuple(self.allow), environment, tuple(self.notes))


def _place(parts: SplitResult) -> str:
    return parts.netloc.rpartition("@")[2]


def _lost(preset: Preset, why: str, urls: _Urls) -> Registry:
    reason = why or "; ".join(urls.notes)
    return Registry(notes=tuple(urls.notes), problem=f"{preset}: {reason}.")


def _certificates(path: str) -> str:
    """The file, if the sandbox sees it at the same place."""
    return path if path.startswith(_CERTIFICATES) and ".." not in path else ""


def _object(text: str | None) -> dict[str, Any]:
    try:
        value = json.loads(text or "")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


async def _run(*command: str) -> str | None:
    """What a tool of this host prints, as its owner would see it; None when it cannot be asked."""
    if shutil.which(command[0]) is None:
        return None
    try:
        done = await captured(*command, seconds=_SECONDS, cwd="/")  # no repo's own configuration
    except OSError:  # a TimeoutError is one, too
        return None
    return done.out[:_BYTES].decode(errors="replace") if done.code == 0 else None


def merged(found: Iterable[Registry]) -> Registry:
    """Several presets as one."""
    allow: dict[str, None] = {}
    environment: dict[str, str] = {}
    notes: dict[str, None] = {}
    problems = []
    for each in found:
        allow |= dict.fromkeys(each.allow)
        environment |= each.environment
        notes |= dict.fromkeys(each.notes)
        problems += [each.problem] if each.problem else []
    return Registry(tuple(allow), environment, tuple(notes), " ".join(problems))
