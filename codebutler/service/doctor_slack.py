"""What the doctor asks Slack: whether the tokens work, what they may do, whether channels are open."""

from __future__ import annotations

from codebutler.config import Config
from codebutler.service.doctor_check import Check, note, ok, problem
from codebutler.settings.slack import COPY_ID, Slack, lacking
from codebutler.surfaces.slack import setup
from codebutler.surfaces.slack.link import Link

_AREA = "slack"
_RUN = "Run: codebutler init slack"


async def examine(config: Config, *, offline: bool) -> list[Check]:
    """Nothing for a repo without Slack. ``offline``: ask no server."""
    slack = config.slack
    if slack.bot_token is None:
        return [problem(_AREA, f"{what} is not set", _RUN)] if (what := lacking(slack)) else []
    bot = setup.bot_token(slack.bot_token.get_secret_value())
    if slack.listen is None and slack.app_token is None:
        return [problem(_AREA, f"{lacking(slack)} is not set", _RUN)]
    app = setup.app_token(slack.app_token.get_secret_value()) if slack.app_token and not slack.listen else ""
    if slack.listen and slack.signing_secret is None:
        return [problem(_AREA, "slack.listen needs slack.signingSecret", "Set it (SLACK_SIGNING_SECRET)")]
    if offline:
        return [ok(_AREA, f"tokens are set ({config.origin('slack.botToken')})")]
    return await _asked(slack.model_copy(update={"bot_token": type(slack.bot_token)(bot)}), app)


async def _asked(slack: Slack, app: str) -> list[Check]:
    link = Link(slack)
    try:
        bot = await setup.whose(link.calls)
        checks = [ok(_AREA, f"{bot.user} in {bot.team}")]
        if bot.lacks:
            checks.append(problem(_AREA, f"the bot token lacks {', '.join(bot.lacks)}", setup.ADD_SCOPES))
        checks += [note(_AREA, f"without {line}") for line in bot.misses]
        if app:
            await setup.may_connect(link.calls, app, bot)
            checks.append(ok(_AREA, "the app token opens connections"))
        channels = [c for c in (slack.channel_id, *slack.channels, slack.admin_channel) if c]
        checks += [problem(_AREA, text, fix) for text, fix in await setup.states(link.calls, channels)]
        people = dict.fromkeys((*slack.users, *slack.admins))
        checks += [problem(_AREA, text, COPY_ID) for text in await setup.unknown(link.calls, people)]
        if not channels and not slack.channel_name:
            checks.append(note(_AREA, "no channel: mentions and direct messages open threads"))
    finally:
        await link.close()
    return checks
