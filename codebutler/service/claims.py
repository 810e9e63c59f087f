"""Which Slack channel is whose, when one process serves several repos."""

from __future__ import annotations

from pathlib import Path

from codebutler.config import Config
from codebutler.errors import ConfigError
from codebutler.service.app import Place


class Claims:
    """Every channel is one repo's."""

    def __init__(self, config: Config) -> None:
        """``config`` is the host's own: its ``serve.channels`` go before what repos say."""
        self._given = {c: Path(root).expanduser().resolve() for c, root in config.serve.channels.items()}
        self._taken: dict[str, Path] = {}

    def settle(self, place: Place, *, alone: bool) -> Place:
        """``place`` with the channels that are its own. ConfigError when another repo has one of them."""
        slack, root = place.config.slack, place.repo.root
        named = [c for c in (slack.channel_id, *slack.channels) if c]
        theirs = [c for c, owner in self._given.items() if owner == root]
        ours = [c for c in dict.fromkeys((*theirs, *named)) if self._given.get(c, root) == root]
        for channel in [] if alone else ours:
            other = self._taken.setdefault(channel, root)
            if other != root:
                raise ConfigError(
                    f"the Slack channel {channel} is both {other}'s and {root}'s",
                    fix="Set slack.channelID in each repo's config.json, or serve.channels in the host's.",
                )
        if ours == named:
            return place
        changed = slack.model_copy(update={"channel_id": None, "channels": ours})
        return place.with_slack(changed)
