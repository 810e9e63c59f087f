"""The daemon's own log: one line a record, redacted here, to a file and to stderr.

What happens in a thread is in the thread's events; this log is for whoever runs the service.
``setup`` once, then ``say`` from anywhere.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import IO, Any, Literal, TypeAlias

from codebutler.redact import Redactor

Tag: TypeAlias = Literal["INF", "WRN", "ERR", "DBG", "MSG", "PM", "RSH", "CLD", "LED", "IMG", "RSP", "MEM"]
"""Plain levels; a person's message; PM, Researcher, Coder, Lead, Artist; a response sent; memory."""

NAME = "codebutler"
MAX_BYTES = 10 * 1024 * 1024
"""A full file becomes <name>.1; two of those are kept."""
_OURS = (NAME, "asyncio")
"""asyncio tells of errors that nobody waited for: they quote what failed, so they pass here too."""
_LEVELS = {"DBG": logging.DEBUG, "WRN": logging.WARNING, "ERR": logging.ERROR}
_TAGS = {logging.DEBUG: "DBG", logging.INFO: "INF", logging.WARNING: "WRN"}


def say(tag: Tag, text: str, *, thread: str = "") -> None:
    """Write one record. Never raises for what ``text`` holds."""
    logging.getLogger(NAME).log(
        _LEVELS.get(tag, logging.INFO), "%s", text, extra={"tag": tag, "talk": thread}
    )


def setup(
    redactor: Redactor,
    *,
    file: Path | None = None,
    stderr: bool = True,
    json_lines: bool = False,
    debug: bool = False,
) -> None:
    """Send records to ``file`` (made with mode 0600) and to stderr; a second call replaces the first."""
    close()
    for logger in map(logging.getLogger, _OURS):
        logger.propagate = False
    logging.getLogger(NAME).setLevel(logging.DEBUG if debug else logging.INFO)
    formatter = _Line(redactor, json_lines=json_lines)
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)] if stderr else []
    if file is not None:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handlers.append(_PrivateFile(file, maxBytes=MAX_BYTES, backupCount=2, encoding="utf-8"))
    for handler in handlers:
        handler.setFormatter(formatter)
        for logger in map(logging.getLogger, _OURS):
            logger.addHandler(handler)


def close() -> None:
    """Close what ``setup`` opened."""
    for logger in map(logging.getLogger, _OURS):
        for handler in list(logger.handlers):
            logger.removeHandler(handler)
            handler.close()
        logger.propagate = True


class _PrivateFile(RotatingFileHandler):
    """A file that only its owner may read."""

    def _open(self) -> IO[Any]:  # type: ignore[override] # the base class promises its own text wrapper
        return open(
            self.baseFilename, self.mode, encoding=self.encoding, opener=lambda p, f: os.open(p, f, 0o600)
        )


class _Line(logging.Formatter):
    """Time, tag, thread, text: on one line whatever the text holds."""

    def __init__(self, redactor: Redactor, *, json_lines: bool) -> None:
        super().__init__()
        self._redactor = redactor
        self._json = json_lines

    def format(self, record: logging.LogRecord) -> str:
        """The record as it is written."""
        text = record.getMessage()
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        clean = self._redactor.text(text)
        tag = getattr(record, "tag", _TAGS.get(record.levelno, "ERR"))
        thread = getattr(record, "talk", "")
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        time = time.replace("+00:00", "Z")
        if self._json:
            return json.dumps({"time": time, "tag": tag, "thread": thread, "text": clean}, ensure_ascii=False)
        return f"{time} {tag:<3} {thread or '-'} {_visible(clean)}"


def _visible(text: str) -> str:
    """Text in which nothing moves the cursor or starts a line that looks like a record."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
