"""Channels that a repo's config.json names, but not as ``serve`` has read it: who writes there is told."""

from __future__ import annotations

import asyncio
import logging
import time

from codebutler.config import FILE
from codebutler.errors import ConfigError, RepoError
from codebutler.repo.discover import Repo, find_repo
from codebutler.service.app import committed_config
from codebutler.settings.files import parse_json, read_repo

log = logging.getLogger("codebutler.serve")
SECONDS = 20.0
"""Between looks for one channel: most that the bot is in are nobody's, and lively."""
KEPT = 2_000
"""Channels of which it is known when they were looked for."""
UNCOMMITTED = (
    "Nobody hears this channel yet: `.codebutler/config.json` names it, but that is not committed. Commit it "
    '(`git add .codebutler && git commit -m "Talk here"`), then start `codebutler serve` again. '
    "It may take up then what was said here: do not say it twice."
)
STALE = (
    "Nobody hears this channel yet: `.codebutler/config.json` names it only since `codebutler serve` began. "
    "Start that again. It may take up then what was said here: do not say it twice."
)


class Unsettled:
    """One repo's."""

    def __init__(self, repo: Repo) -> None:
        """Nothing is looked at yet."""
        self._repo = repo
        self._looked: dict[str, float] = {}
        self._told: set[tuple[str, str]] = set()

    async def __call__(self, surface: str, channel: str, user: str) -> str:
        """What to tell ``user``, who wrote in a channel that the door does not know; "" if it is not ours.

        Each person is told once of a channel.
        """
        now = time.monotonic()
        if (channel, user) in self._told or now < self._looked.get(channel, 0.0):
            return ""
        self._looked = {**dict(list(self._looked.items())[1 - KEPT :]), channel: now + SECONDS}
        try:
            why = await self._why(surface, channel)
        except (ConfigError, RepoError) as error:  # the checkout is people's: it may be anything just now
            log.info("whose %s channel %s is cannot be told: %s", surface, channel, error)
            return ""
        if why:
            del self._looked[channel]
            self._told.add((channel, user))
        return why

    async def _why(self, surface: str, channel: str) -> str:
        root = self._repo.root
        if channel not in _named(await asyncio.to_thread(read_repo, root), surface):
            return ""
        now = await committed_config(await find_repo(root))
        return STALE if channel in _named(now, surface) else UNCOMMITTED


def _named(text: str, surface: str) -> list[object]:
    """The channels that a config file gives to a door."""
    section = parse_json(text, f".codebutler/{FILE}").get(surface)
    if not isinstance(section, dict):
        return []
    more = section.get("channels")
    return [section.get("channelID"), *(more if isinstance(more, list) else [])]
