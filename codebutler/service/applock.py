"""One process of this home is connected to a Slack app: Slack gives each event to one connection only."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from codebutler.config import Config, make_home
from codebutler.errors import UsageError


def slack_app(config: Config) -> str:
    """The id of the app that a process of this configuration connects to; "" without Socket Mode."""
    slack = config.slack
    if slack.bot_token is None or slack.app_token is None or slack.listen is not None:
        return ""
    parts = slack.app_token.get_secret_value().split("-")
    return "".join(c for c in parts[2] if c.isalnum()) if len(parts) > 3 else "app"


@contextmanager
def connection_to(app: str, config: Config) -> Iterator[None]:
    """Hold the app's connection. UsageError when another process has it; nothing to hold for ""."""
    if not app:
        yield
        return
    make_home(config.home)
    folder = config.home / "run"
    folder.mkdir(mode=0o700, exist_ok=True)
    fd = os.open(folder / f"slack-{app}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = os.pread(fd, 20, 0).decode("ascii", "replace").strip()
            raise UsageError(
                f"process {pid} is connected to this Slack app, and Slack gives each event to one connection",
                fix="Serve all repos from one process: codebutler serve --repo A --repo B.",
            ) from None
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(fd)
