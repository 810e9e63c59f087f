"""GitHub as a repo's door, if that is where its remote is and there are credentials."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from msgspec import Struct

from codebutler.commands.builtin import REGISTRY
from codebutler.config import Config
from codebutler.errors import ConfigError
from codebutler.events import MergeRequested
from codebutler.forges.choose import calls_for, github_spot
from codebutler.forges.github.spot import web_url
from codebutler.service.app import Place
from codebutler.store.store import Store
from codebutler.types import Inbound

if TYPE_CHECKING:  # loaded where there is such a door
    from codebutler.service.following import Following
    from codebutler.surfaces.github.door import GitHub
    from codebutler.surfaces.github.hearing import Hearing
    from codebutler.surfaces.github.polling import Polling
    from codebutler.surfaces.github.webhooks import Webhooks

log = logging.getLogger("codebutler.github")
PATROL = 600.0
"""Seconds between looks where webhooks tell the news: for what came while nobody listened."""


class GitHubSide(Struct, frozen=True):
    """Ears and mouth of one repository, and what keeps the ears open."""

    door: GitHub
    hearing: Hearing
    polling: Polling
    webhooks: Webhooks | None
    following: Following

    def page(self, external_id: str) -> str:
        """Where people see an issue or pull request."""
        place = external_id if "/pull/" in external_id else external_id.replace("#", "/issues/")
        return f"{web_url(self.hearing.settings)}/{place}"

    async def objection(self, thread: str, number: int, asked: MergeRequested, *, queued: bool) -> str:
        """Why a word to merge holds no more, by what people wrote at GitHub after it, or ""."""
        from codebutler.forges.github.refusals import GitHubRefused
        from codebutler.service import awaiting

        try:
            pull = await self.hearing.calls.get(f"/repos/{self.hearing.full_name}/pulls/{number}")
            if pull.get("state") != "open":  # merged, by us before a crash or by somebody else
                return ""
            pull = {"number": number}
            return await awaiting.called_off(self.hearing, thread, pull, asked, queued=queued)
        except GitHubRefused as error:  # what may not be read there stands in no merge's way
            log.info("#%s: whether anybody spoke against the merge is not known: %s", number, error)
            return ""

    def attach(self, receive: Callable[[Inbound], Awaitable[str]], kick: Callable[[str], None]) -> None:
        """What comes in goes to ``receive``, from now on; ``kick`` sets a thread going."""
        self.hearing.receive = receive
        self.following.kick = kick
        if self.webhooks is not None:
            self.webhooks.join(self.hearing, self.polling.nudge)

    async def run(self) -> None:
        """Look for news until cancelled."""
        try:
            await self.polling.run()
        finally:
            if self.webhooks is not None:
                self.webhooks.leave(self.hearing)
            await self.hearing.close()


def github_webhooks(config: Config) -> Webhooks | None:
    """The server that takes deliveries for all repos, if one is wanted. ConfigError without a secret."""
    settings = config.github
    if settings.listen is None or not settings.door:
        return None
    if settings.webhook_secret is None:
        raise ConfigError(
            "github.listen is set without github.webhookSecret: unsigned deliveries are never taken",
            fix="Set github.webhookSecret (GITHUB_WEBHOOK_SECRET), and the same at GitHub.",
        )
    from codebutler.surfaces.github.webhooks import Webhooks

    return Webhooks(settings.listen, settings.webhook_secret.get_secret_value())


async def github_side(place: Place, store: Store, webhooks: Webhooks | None) -> GitHubSide | None:
    """The repo's side; None without a GitHub remote, the door, or credentials (which is logged)."""
    settings = place.config.github
    spot = await asyncio.to_thread(github_spot, place.repo, place.config)
    if spot is None or not settings.door:
        return None
    try:
        calls = await calls_for(spot, settings)
    except ConfigError as error:
        log.info("GitHub is no door here: %s", error)
        return None
    from codebutler.service.following import Following
    from codebutler.surfaces.github.door import GitHub
    from codebutler.surfaces.github.hearing import Hearing
    from codebutler.surfaces.github.polling import Polling

    hearing = Hearing(calls, settings, store, spot.full_name)
    hearing.commands = frozenset(name for each in REGISTRY.definitions for name in (each.name, *each.aliases))
    seconds = settings.poll_seconds if webhooks is None else max(PATROL, settings.poll_seconds)
    door = GitHub(calls, hearing.people, store, mention=settings.mention)
    following = Following(hearing, store)
    polling = Polling(hearing, seconds=seconds, after=following.look)
    return GitHubSide(door, hearing, polling, webhooks, following)
