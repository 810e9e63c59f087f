"""Fetch and push: explicit URLs and object ids, bounded in time, secrets only where they are needed."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Collection, Sequence
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from msgspec import Struct
from msgspec.structs import replace

from codebutler.errors import RepoError
from codebutler.repo.git import need_oid, plumb, try_git, try_plumb
from codebutler.repo.process import complaint, without_passwords

_SCHEMES = ("ssh", "git", "file")
_SCP_LIKE = re.compile(r"(?:[\w.+-]+@)?[\w.-]+:(?!:)\S*")
_PAUSES = (0.1, 0.5)
"""Seconds before a fetch is made again that met another one of the same ref."""
_PROXY_NAMES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
_HELPER = (
    '!f() { test "$1" = get && printf "username=%s\\npassword=%s\\n" '
    '"$CODEBUTLER_GIT_USER" "$CODEBUTLER_GIT_PASSWORD"; }; f'
)


class Update(Struct, frozen=True):
    """One ref of a remote to move to ``new`` ("" = delete it).

    ``expect`` is what the remote must have for that: a commit, "" for nothing at all, or None for anything
    that ``new`` contains (a plain fast-forward).
    """

    ref: str
    new: str
    expect: str | None = None

    @property
    def spec(self) -> str:
        """The refspec for ``git push``."""
        return f"{self.new}:{self.ref}"

    @property
    def lease(self) -> tuple[str, ...]:
        """The option that makes the push conditional."""
        return () if self.expect is None else (f"--force-with-lease={self.ref}:{self.expect}",)


class _Access(Struct, frozen=True):
    """How to get at a URL: what goes on the command line, and what stays in the environment."""

    url: str
    config: tuple[tuple[str, str], ...] = ()
    env: dict[str, str] = {}
    reach: tuple[Path, ...] = ()

    def pack_option(self, service: str) -> tuple[str, ...]:
        """Name the far side's program, so that no configuration does; a folder's owner may be anyone."""
        program = f"git -c 'safe.directory=*' {service}" if self.reach else f"git-{service}"
        return (f"--{service}={program}",)


def _access(url: str, token: str | None) -> _Access:
    if url.startswith("/"):
        return _Access(url, reach=(Path(url),))
    parts = urlsplit(url)
    if parts.scheme in ("http", "https") and parts.hostname:
        return _web_access(url, token)
    if parts.scheme in _SCHEMES if "://" in url else _SCP_LIKE.fullmatch(url):
        agent = os.environ.get("SSH_AUTH_SOCK")
        return _Access(url, env={"SSH_AUTH_SOCK": agent} if agent else {})
    raise RepoError(f"git must not use the remote URL {without_passwords(url)[:200]!r}")


def _web_access(url: str, token: str | None) -> _Access:
    """An http(s) URL without its credentials; they are offered to that very host by the environment."""
    parts = urlsplit(url)
    host = (parts.hostname or "") + (f":{parts.port}" if parts.port else "")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if token:
        user, password = user or "x-access-token", token
    clean = parts._replace(netloc=host).geturl()
    env = {name: os.environ[name] for name in _PROXY_NAMES if name in os.environ}
    config: tuple[tuple[str, str], ...] = (("http.sslVerify", "true"), ("http.followRedirects", "initial"))
    if user or password:
        env |= {"CODEBUTLER_GIT_USER": user, "CODEBUTLER_GIT_PASSWORD": password}
        config += ((f"credential.{parts.scheme}://{quote(host, safe=':.-[]')}.helper", _HELPER),)
    return _Access(clean, config, env)


async def fetch(
    gitdir: Path,
    url: str,
    specs: Sequence[str],
    *,
    token: str | None = None,
    timeout: float | None = None,
) -> None:
    """Fetch ``specs`` from an explicit URL: no tags, no submodules, nothing written but what they name."""
    await _fetch(gitdir, _access(url, token), specs, timeout)


async def fetch_objects(
    gitdir: Path, url: str, oids: Sequence[str], *, token: str | None = None, timeout: float | None = None
) -> None:
    """Fetch these very objects, whatever else of their commits is here already."""
    access = _access(url, token)
    every = replace(access, config=(*access.config, ("fetch.negotiationAlgorithm", "noop")))
    await _fetch(gitdir, every, oids, timeout)


async def _fetch(gitdir: Path, access: _Access, specs: Sequence[str], timeout: float | None) -> None:
    for pause in (*_PAUSES, None):
        result = await try_git(
            "fetch",
            "--quiet",
            "--no-tags",
            "--no-prune",
            "--no-recurse-submodules",
            "--no-write-fetch-head",
            "--no-auto-maintenance",
            "--refmap=",
            *access.pack_option("upload-pack"),
            "--stdin",
            "--",
            access.url,
            gitdir=gitdir,
            stdin="".join(f"{spec}\n" for spec in specs).encode(),
            timeout=timeout,
            config=access.config,
            env_extra=access.env,
            reach=access.reach,
        )
        if result.code == 0:
            return
        if pause is None or "cannot lock ref" not in result.err:
            raise RepoError(f"fetching from {without_passwords(access.url)} failed: {complaint(result.err)}")
        await asyncio.sleep(pause)


async def ls_remote(
    gitdir: Path,
    url: str,
    *patterns: str,
    token: str | None = None,
    timeout: float | None = None,
) -> dict[str, str]:
    """The refs of a remote that match; with the pattern HEAD also the branch it names, as ``HEAD -> REF``."""
    access = _access(url, token)
    out = await plumb(
        "ls-remote",
        "--quiet",
        "--symref",
        *access.pack_option("upload-pack"),
        "--",
        access.url,
        *patterns,
        gitdir=gitdir,
        timeout=timeout,
        config=access.config,
        env_extra=access.env,
        reach=access.reach,
    )
    refs: dict[str, str] = {}
    for line in out.decode(errors="surrogateescape").splitlines():
        value, _, ref = line.partition("\t")
        refs[f"{ref} ->" if value.startswith("ref: ") else ref] = value.removeprefix("ref: ")
    return refs


async def push(
    gitdir: Path, *, url: str, sha: str, ref: str, expect: str | None = None, token: str | None = None
) -> None:
    """Point a remote's ``ref`` at ``sha``; done already is done. RepoError if the remote is elsewhere.

    ``expect`` as in ``Update``. ``url`` may be an absolute path. No tags, no hooks of this repository.
    """
    await push_refs(gitdir, url, [Update(ref, need_oid(sha, "what to push"), expect)], token=token)


async def delete_remote_branch(
    gitdir: Path, *, url: str, branch: str, expect: str | None = None, token: str | None = None
) -> None:
    """Delete a branch of a remote, if it is still at ``expect``; one that is gone already is fine."""
    await push_refs(gitdir, url, [Update(f"refs/heads/{branch}", "", expect)], token=token)


async def push_refs(
    gitdir: Path,
    url: str,
    updates: Sequence[Update],
    *,
    token: str | None = None,
    timeout: float | None = None,
) -> None:
    """Move several refs of a remote, all or none. A repeated push whose effect is there already succeeds."""
    access = _access(url, token)
    leases = [option for update in updates for option in update.lease]
    result = await try_plumb(
        "push",
        "--porcelain",
        "--no-verify",
        "--no-follow-tags",
        "--no-signed",
        *(("--atomic",) if len(updates) > 1 else ()),
        *leases,
        *access.pack_option("receive-pack"),
        "--",
        access.url,
        *(update.spec for update in updates),
        gitdir=gitdir,
        timeout=timeout,
        config=access.config,
        env_extra=access.env,
        reach=access.reach,
    )
    if result.code == 0:
        return
    refs = await ls_remote(gitdir, url, *(update.ref for update in updates), token=token, timeout=timeout)
    if all(refs.get(update.ref, "") == update.new for update in updates):
        return
    gone = {update.ref for update in updates if update.expect and update.ref not in refs}
    raise _refusal(url, result.out.decode(errors="replace"), result.err, gone)


def _refusal(url: str, out: str, err: str, gone: Collection[str]) -> RepoError:
    """Why a push failed, from git's porcelain lines: ``!<tab>from:to<tab>[rejected] (reason)``."""
    where = without_passwords(url)
    lines = [line.partition("\t")[2] for line in out.splitlines() if line.startswith("!\t")]
    for line in lines:
        if "atomic" not in line:
            spec, _, reason = line.partition("\t")
            ref = spec.rpartition(":")[2]
            if ref in gone:
                return RepoError(
                    f"{ref} on {where} was deleted meanwhile", fix="Try again: what is here is pushed anew"
                )
            if any(word in reason for word in ("stale info", "non-fast-forward", "fetch first")):
                return RepoError(
                    f"{ref} on {where} has moved meanwhile", fix="Look at what came in and retry"
                )
            if "checked out" in reason:
                return RepoError(
                    f"{ref} is checked out in {where}", fix="Use a bare repository as the remote"
                )
            told = [text for text in err.splitlines() if text.startswith("remote:") and len(text.strip()) > 8]
            said = "; ".join(text.removeprefix("remote:").strip() for text in told[:3])
            # a hook refuses the whole push: which of the refs it minds is in its own words
            alike = [other.partition("\t")[0].rpartition(":")[2] for other in lines if other.endswith(reason)]
            why = f"{where} refused {' and '.join(alike)}: {reason}" + (f" ({said})" if said else "")
            return RepoError(without_passwords(why)[:600], fix="Try again when the remote allows it")
    return RepoError(f"pushing to {where} failed: {complaint(err)}")
