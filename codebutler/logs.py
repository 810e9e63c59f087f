"""The daemon's own log: one line a record, redacted here, to a file and to stderr.

What happens in a thread is in the thread's events; this log is for whoever runs the service.
``console`` and ``keep`` once, then ``say`` from anywhere. A process may serve several repos: each has a file
of its own, and a record belongs to the repo that ``REPO`` names, to all of them where it names none.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import IO, Any, Literal, TypeAlias

from codebutler.redact import Redactor

Tag: TypeAlias = Literal["INF", "WRN", "ERR", "DBG", "MSG", "PM", "RSH", "CLD", "LED", "IMG", "RSP", "MEM"]
"""Plain levels; a person's message; PM, Researcher, Coder, Lead, Artist; a response sent; memory."""

NAME = "codebutler"
REPO: ContextVar[str] = ContextVar("log_repo", default="")
"""The repo for which the present task works, by the name of its log."""
MAX_BYTES = 10 * 1024 * 1024
"""A full file becomes <name>.1; two of those are kept."""
_OURS = (NAME, "asyncio")
"""asyncio tells of errors that nobody waited for: they quote what failed, so they pass here too."""
_LEVELS = {"DBG": logging.DEBUG, "WRN": logging.WARNING, "ERR": logging.ERROR}
_TAGS = {logging.DEBUG: "DBG", logging.INFO: "INF", logging.WARNING: "WRN"}
_GRAVE = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4}


def say(tag: Tag, text: str, *, thread: str = "", role: str = "", repo: str = "") -> None:
    """Write one record. Never raises for what ``text`` holds."""
    extra = {"tag": tag, "talk": thread, "role": role, "repo": repo}
    logging.getLogger(NAME).log(_LEVELS.get(tag, logging.INFO), "%s", text, extra=extra)


def console(
    redactor: Redactor, *, json_lines: bool = False, repos: bool = False, journal: bool = False
) -> None:
    """Send records to stderr, too. ``repos``: name the repo of each; ``journal``: say how grave each is."""
    line = _Line(redactor, json_lines=json_lines, repos=repos)
    _add(logging.StreamHandler(sys.stderr), _Grave(line) if journal and not json_lines else line)


def keep(redactor: Redactor, file: Path, *, repo: str = "", json_lines: bool = False) -> None:
    """Send the records of ``repo`` ("": all records) to ``file``, made with mode 0600 and never too large."""
    drop(repo)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handler = _PrivateFile(file, maxBytes=MAX_BYTES, backupCount=2, encoding="utf-8")
    handler.set_name(f"repo {repo}")
    if repo:
        handler.addFilter(lambda record: _repo(record) in ("", repo))
    _add(handler, _Line(redactor, json_lines=json_lines))


def drop(repo: str) -> None:
    """Close the file of ``repo``."""
    _remove(lambda handler: handler.get_name() == f"repo {repo}")


def _add(handler: logging.Handler, formatter: logging.Formatter) -> None:
    handler.setFormatter(formatter)
    logging.getLogger(NAME).setLevel(logging.INFO)
    for logger in map(logging.getLogger, _OURS):
        logger.propagate = False
        logger.addHandler(handler)


def close() -> None:
    """Close all that was opened."""
    _remove(lambda handler: True)
    for logger in map(logging.getLogger, _OURS):
        logger.propagate = True


def _remove(which: Callable[[logging.Handler], bool]) -> None:
    for logger in map(logging.getLogger, _OURS):
        for handler in list(logger.handlers):
            if which(handler):
                logger.removeHandler(handler)
                handler.close()


def _repo(record: logging.LogRecord) -> str:
    return getattr(record, "repo", "") or REPO.get()


class _PrivateFile(RotatingFileHandler):
    """A file that only its owner may read. A disk that takes no more is said once, and stops nobody."""

    _told = False

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the base class calls it so
        """A record is lost; a fault of the record itself is shown as ever."""
        error = sys.exc_info()[1]
        if isinstance(error, OSError):
            self._tell(error)
        else:
            super().handleError(record)

    def close(self) -> None:
        """Also what could not be written goes."""
        try:
            super().close()
        except OSError as error:
            self._tell(error)

    def _tell(self, error: OSError) -> None:
        if not self._told and sys.stderr is not None:
            sys.stderr.write(f"codebutler: the log {self.baseFilename}: {error.strerror}\n")
        self._told = True

    def _open(self) -> IO[Any]:  # type: ignore[override] # the base class promises its own text wrapper
        return open(
            self.baseFilename, self.mode, encoding=self.encoding, opener=lambda p, f: os.open(p, f, 0o600)
        )


class _Line(logging.Formatter):
    """Time, tag, thread, role, text: on one line whatever the text holds. What is not known is ``-``."""

    def __init__(self, redactor: Redactor, *, json_lines: bool, repos: bool = False) -> None:
        super().__init__()
        self._redactor = redactor
        self._json = json_lines
        self._repos = repos

    def format(self, record: logging.LogRecord) -> str:
        """The record as it is written."""
        text = record.getMessage()
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        clean = self._redactor.text(text)
        tag = getattr(record, "tag", _TAGS.get(record.levelno, "ERR"))
        thread, role, repo = getattr(record, "talk", ""), getattr(record, "role", ""), _repo(record)
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        time = time.replace("+00:00", "Z")
        if self._json:
            words = {"time": time, "tag": tag, "repo": repo, "thread": thread, "role": role, "text": clean}
            return json.dumps(words, ensure_ascii=False)
        where = f"{repo or '-'} " if self._repos else ""
        return f"{time} {tag:<3} {where}{thread or '-'} {role or '-'} {_visible(clean)}"


class _Grave(logging.Formatter):
    """A line with the number before it by which systemd's journal knows how grave it is."""

    def __init__(self, line: logging.Formatter) -> None:
        super().__init__()
        self._line = line

    def format(self, record: logging.LogRecord) -> str:
        """The record as it is written."""
        return f"<{_GRAVE.get(record.levelno, 3)}>{self._line.format(record)}"


def _visible(text: str) -> str:
    """Text in which nothing moves the cursor or starts a line that looks like a record."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
