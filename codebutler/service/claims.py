"""Which channel is whose, when one process serves several repos."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from codebutler import logs
from codebutler.config import Config
from codebutler.errors import ConfigError
from codebutler.service.app import Place
from codebutler.settings.discord import Discord
from codebutler.settings.slack import Slack

Door = TypeVar("Door", Slack, Discord)


class Claims:
    """Every channel is one repo's."""

    def __init__(self, config: Config) -> None:
        """``config`` is the host's own: its ``serve.channels`` go before what repos say."""
        self._given = {c: Path(root).expanduser().resolve() for c, root in config.serve.channels.items()}
        self._taken: dict[str, Path] = {}

    def settle(self, place: Place, *, alone: bool) -> Place:
        """``place`` with the channels that are its own. ConfigError when another repo has one of them."""
        slack = self._ours(place.config.slack, place.repo.root, "Slack", alone=alone)
        if slack.channel_name and not (
            slack.channel_id or slack.channels or alone
        ):  # else it counts for nothing
            self._take(f"#{str(slack.channel_name).removeprefix('#')}", place.repo.root, "Slack")
        discord = self._ours(place.config.discord, place.repo.root, "Discord", alone=alone)
        return place.with_doors(slack=slack, discord=discord)

    def _ours(self, door: Door, root: Path, name: str, *, alone: bool) -> Door:
        """A door's settings with the repo's own channels. Ids of the two platforms never meet."""
        named: list[str] = [c for c in (door.channel_id, *door.channels) if c]
        given = [c for c, owner in self._given.items() if owner == root]
        theirs: list[str] = [c for c in given if c.isdigit() == (name == "Discord")]
        ours = [c for c in dict.fromkeys((*theirs, *named)) if self._given.get(c, root) == root]
        for channel in (c for c in named if c not in ours):
            words = f"{root} names the {name} channel {channel}, which serve.channels gives to"
            logs.say("WRN", f"{words} {self._given[channel]}: what is said there goes to that repo")
        for channel in [] if alone else ours:
            self._take(channel, root, name)
        if ours == named:
            return door
        first = door.channel_id if door.channel_id in ours else next(iter(ours), None)
        rest = [channel for channel in ours if channel != first]
        return door.model_copy(update={"channel_id": first, "channels": rest})

    def _take(self, channel: str, root: Path, name: str) -> None:
        other = self._taken.setdefault(channel, root)
        if other != root:
            key = f"{name.lower()}.channelID"
            raise ConfigError(
                f"the {name} channel {channel} is both {other}'s and {root}'s",
                fix=f"Set {key} in each repo's config.json, or serve.channels in the host's.",
            )
