"""The border in macOS' words, for ``sandbox-exec -p``. Never run: written from documentation, tested as text.

No pid namespace, no binds and no made-up files there, so it promises less than the Linux profile, and nothing
starts it yet: on macOS no tool runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

_SYSTEM = ("/usr", "/bin", "/sbin", "/System", "/Library/Apple", "/Library/Developer", "/private/etc/ssl",
           "/private/var/db/timezone", "/private/var/db/dyld", "/opt/homebrew")  # fmt: skip
_FILES = ("/", "/private/etc/localtime", "/dev/null", "/dev/zero", "/dev/random", "/dev/urandom", "/dev/tty")
_SERVICES = ("com.apple.system.opendirectoryd.libinfo", "com.apple.system.logger", "com.apple.trustd.agent",
             "com.apple.SecurityServer")  # fmt: skip


def profile(
    worktree: Path, *, gitdir: Path | None, scratch: Path, visible: Sequence[Path] = (), proxy_port: int = 0
) -> str:
    """The profile's text. Paths must be real ones: the kernel compares them after symlinks.

    ``scratch`` is the thread's own HOME and TMPDIR; ``visible`` is what else may be read; ``proxy_port`` the
    port on loopback that may be connected to, 0 for none. Raises ValueError for a path that cannot be quoted.
    """
    lines = [
        "(version 1)",
        "(deny default)",
        "(allow process-fork)",
        "(allow process-exec)",
        "(allow signal (target same-sandbox))",
        "(allow sysctl-read)",
        "(allow file-read-metadata)",
        _allow(
            "file-read*", *(_below(Path(each)) for each in _SYSTEM), *(_path(Path(each)) for each in _FILES)
        ),
        _allow("file-read*", *(_below(each) for each in (worktree, scratch, *visible))),
        _allow(
            "file-write*", _below(worktree), _below(scratch), *(_path(Path(each)) for each in _FILES[2:4])
        ),
        # Last match wins: what follows takes back a part of what stands above.
        _deny("file-write*", _below(worktree / ".git")),
    ]
    if gitdir is not None:
        lines += [
            _allow("file-read*", _below(gitdir)),
            _deny("file-write*", _below(gitdir)),
            _deny("file-read*", _path(gitdir / "config"), _below(gitdir / "hooks")),
        ]
    lines.append(
        "(allow mach-lookup " + " ".join(f"(global-name {_quoted(each)})" for each in _SERVICES) + ")"
    )
    lines.append("(deny network*)")
    if proxy_port:
        lines.append(f'(allow network-outbound (remote ip "localhost:{proxy_port:d}"))')
    return "\n".join(lines) + "\n"


def _allow(what: str, *where: str) -> str:
    return f"(allow {what} {' '.join(where)})"


def _deny(what: str, *where: str) -> str:
    return f"(deny {what} {' '.join(where)})"


def _below(path: Path) -> str:
    return f"(subpath {_quoted(str(path))})"


def _path(path: Path) -> str:
    return f"(literal {_quoted(str(path))})"


def _quoted(text: str) -> str:
    """A string of the profile's language. A name that could end it early has no place in a profile."""
    if any(char in '"\\' or not char.isprintable() for char in text) or not text:
        raise ValueError(f"{text!r} cannot stand in a profile")
    return f'"{text}"'
