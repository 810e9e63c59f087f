"""What a service looks like to its manager: a systemd unit or a launchd agent, as text.

Its first line names what is in it, so that a change by hand is seen and not lost.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from string import Template
from xml.sax.saxutils import escape

from msgspec import Struct

from codebutler import assets
from codebutler.errors import UsageError

PREFIX = "codebutler-"
_MARK = re.compile(
    r"\A(?:# |<\?xml[^>]*\?>\n<!-- )written by codebutler service, sum ([0-9a-f]{16})(?: -->)?\n"
)
_BACKS_OFF = 254
"""The first systemd that waits longer after each failure."""


class Service(Struct, frozen=True):
    """One service. ``stop`` is seconds that it may take to end; ``env_file`` holds its secrets."""

    name: str
    repos: Sequence[Path]
    program: Path
    home: Path
    env_file: Path
    errors: Path
    path: str
    stop: int

    @property
    def command(self) -> list[str]:
        """The command line that the manager runs: without a secret."""
        repos = [word for repo in self.repos for word in ("--repo", str(repo))]
        return [
            str(self.program),
            "serve",
            *repos,
            "--home",
            str(self.home),
            "--env-file",
            str(self.env_file),
        ]


def name_of(root: Path) -> str:
    """The name of the service of the repo at ``root``: readable, and its own for each place."""
    slug = re.sub(r"[^A-Za-z0-9_]+", "-", root.name).strip("-").lower()[:40] or "repo"
    return f"{PREFIX}{slug}-{hashlib.sha256(str(root).encode(errors='surrogateescape')).hexdigest()[:8]}"


def systemd_unit(service: Service, *, version: int = 0) -> str:
    """The unit, for a systemd of ``version`` (0: not known). UsageError for a path that no unit can hold."""
    _check(service)
    waits = "Restart=on-failure\nRestartSec={}"
    backs_off = "\nRestartSteps=8\nRestartMaxDelaySec=300"
    restart = waits.format(2) + backs_off if version >= _BACKS_OFF else waits.format(15)
    body = Template(assets.text("service-templates", "codebutler.service")).substitute(
        title=_specifiers(", ".join(map(str, service.repos))),
        command=" ".join(map(_word, service.command)),
        folder=_specifiers(str(service.repos[0])),
        path=_quoted(f"PATH={service.path}"),
        restart=restart,
        stop=service.stop,
    )
    return f"# written by codebutler service, sum {_sum(body)}\n{body}"


def launchd_agent(service: Service) -> str:
    """The agent's property list. UsageError for a path that it cannot hold."""
    _check(service)
    body = Template(assets.text("service-templates", "codebutler.plist")).substitute(
        name=service.name,
        command="\n".join(f"    <string>{escape(word)}</string>" for word in service.command),
        folder=escape(str(service.repos[0])),
        path=escape(service.path),
        errors=escape(str(service.errors)),
        stop=service.stop,
    )
    head = '<?xml version="1.0" encoding="UTF-8"?>'
    return f"{head}\n<!-- written by codebutler service, sum {_sum(body)} -->\n{body}"


def edited(text: str) -> bool:
    """Whether somebody changed by hand what was written here."""
    found = _MARK.match(text)
    return found is None or found[1] != _sum(text[found.end() :])


def _sum(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()[:16]


def _check(service: Service) -> None:
    for word in (*service.command, service.path, str(service.errors)):
        if not word.isprintable():
            raise UsageError(
                f"no service can be made for {word!r}", fix="Move it to a path in plain letters."
            )


def _word(word: str) -> str:
    """A word of ExecStart=, where also ``$`` means something."""
    return _quoted(word.replace("$", "$$"))


def _quoted(text: str) -> str:
    """In quotes, and with nothing in it that systemd would read as a sign of its own."""
    return '"' + _specifiers(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _specifiers(text: str) -> str:
    return text.replace("%", "%%")
