"""``codebutler init slack`` and the doctor's look at Slack, against the workspace twin."""

from __future__ import annotations

import json
import os
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from codebutler.cli import init_slack
from codebutler.config import load_config
from codebutler.errors import ConfigError
from codebutler.service import doctor_slack, envfile
from codebutler.settings.shape import Settings
from codebutler.surfaces.slack import setup, slash
from codebutler.surfaces.slack.link import Link
from codebutler.testing.slack.server import SlackTwin

if TYPE_CHECKING:
    from tests.conftest import Warm

Init = Callable[..., Awaitable[tuple[int, str, str]]]


@pytest.fixture
async def slack() -> AsyncIterator[SlackTwin]:
    async with SlackTwin() as twin:
        yield twin


@pytest.fixture
def butler(home: Path, slack: SlackTwin) -> Path:
    """The global folder; all that it says is where the workspace is."""
    folder = home / ".codebutler"
    folder.mkdir(mode=0o700)
    (folder / "config.json").write_text(json.dumps({"slack": {"baseUrl": slack.api}}))
    (folder / "config.json").chmod(0o600)
    return folder


@pytest.fixture
def init(warm: Warm, home: Path, butler: Path, git_repo: Path, slack: SlackTwin) -> Init:
    """``codebutler init slack`` with the tokens in the environment, unless told otherwise."""
    tokens = {"SLACK_BOT_TOKEN": slack.bot_token, "SLACK_APP_TOKEN": slack.app_token}

    async def run(*words: str, **env: str) -> tuple[int, str, str]:
        given = {"PATH": os.environ["PATH"], "HOME": str(home), **tokens, **env}
        code, out, err = await warm.run(["init", "slack", *words], git_repo, given)
        assert slack.bot_token.encode() not in out + err
        return code, out.decode(), err.decode()

    return run


def global_slack(butler: Path) -> dict[str, str]:
    section: dict[str, str] = json.loads((butler / "config.json").read_text())["slack"]
    return section


def posts(slack: SlackTwin) -> list[str]:
    return [args["text"] for method, args in slack.calls if method == "chat.postMessage"]


async def test_from_tokens_to_a_channel_that_answers(
    init: Init, slack: SlackTwin, butler: Path, git_repo: Path
) -> None:
    code, out, err = await init()
    assert (code, err) == (0, "")
    [made] = [c for c in slack.workspace.channels.values() if c.name == "codebutler-repo"]
    assert global_slack(butler) == {
        "baseUrl": slack.api, "botToken": slack.bot_token, "appToken": slack.app_token,
    }  # fmt: skip
    assert (butler / "config.json").stat().st_mode & 0o777 == 0o600
    theirs = json.loads((git_repo / ".codebutler/config.json").read_text())["slack"]
    assert theirs == {"channelID": made.id, "channelName": "codebutler-repo"}
    assert len(posts(slack)) == 1

    code, out, err = await init(SLACK_BOT_TOKEN="", SLACK_APP_TOKEN="")
    assert (code, err) == (0, "")
    assert "found slack.botToken" in out
    assert "no hello: it is this repo's channel already" in out
    assert len(posts(slack)) == 1


async def test_without_tokens_it_shows_how_to_get_them(init: Init) -> None:
    code, out, _ = await init(SLACK_BOT_TOKEN="", SLACK_APP_TOKEN="")
    assert code == 3
    [link] = re.findall(r"https://api\.slack\.com/\S+", out)
    given = parse_qs(urlsplit(link).query)
    assert given == {"new_app": ["1"], "manifest_yaml": [setup.manifest()]}
    assert setup.manifest() in out


def test_the_manifest_asks_for_what_the_code_uses() -> None:
    text = setup.manifest()
    scopes = re.findall(r"^      - (\S+)$", text.partition("bot_events:")[0], flags=re.MULTILINE)
    assert set(scopes) == {*setup.NEEDED, *setup.WANTED}
    assert scopes == sorted(scopes)
    assert f"callback_id: {slash.HAND_OVER}" in text
    assert f"command: {slash.COMMAND}" in text
    assert "socket_mode_enabled: true" in text
    assert "\t" not in text


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("xoxp-1-2-3", "given as bot token is a user token"),
        ("xapp-1-A-2-3", "given as bot token is an app token"),
        ("xoxe.xoxb-1-2", "turn token rotation off"),
        ("hello", "is no Slack token"),
        ("xoxb-1\n2", "holds a line break"),
        ("xoxb-1 2", "holds a line break, a blank"),
        (" \n", "is empty"),
    ],
)
def test_what_is_no_bot_token_is_named(given: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        setup.bot_token(given)
    for pasted in (" xoxb-1-2\n", '"xoxb-1-2"\n', "'xoxb-1-2'"):
        assert setup.bot_token(pasted) == "xoxb-1-2"
    with pytest.raises(ConfigError, match="given as app token is a bot token"):
        setup.app_token("xoxb-1-2")


def test_a_token_file_may_begin_with_a_mark_of_its_encoding(tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(b"\xef\xbb\xbfxoxb-1-2\r\n")
    assert setup.bot_token(init_slack._read(tmp_path / "token")) == "xoxb-1-2"


@pytest.mark.parametrize(
    ("bot", "app", "said"),
    [
        ("xapp-1-A-2-3", "", "given as bot token is an app token"),
        ("xoxb-1-2-3", "", "does not accept the bot token: invalid_auth"),
        ("", "xapp-1-A-2-3", "does not accept the app token: invalid_auth"),
    ],
)
async def test_a_wrong_token_is_one_line(
    init: Init, butler: Path, tmp_path: Path, *, bot: str, app: str, said: str
) -> None:
    before = (butler / "config.json").read_bytes()
    words = []
    for kind, token in (("bot", bot), ("app", app)):
        if token:
            (tmp_path / kind).write_text(f"{token}\n")
            words += [f"--{kind}-token-file", str(tmp_path / kind)]
    code, _, err = await init(*words)
    assert (code, err.count("\n")) == (2, 1)
    assert said in err
    assert (butler / "config.json").read_bytes() == before


@pytest.mark.parametrize("app", ["ABUTLER01", "AANOTHER1"])
async def test_both_tokens_are_of_one_app(slack: SlackTwin, app: str) -> None:
    link = Link(Settings.model_validate({"slack": slack.settings()}).slack)
    slack.app_token = f"xapp-1-{app}-0123456789-abcdefghij"
    try:
        bot = await setup.whose(link.calls)
        if app == "ABUTLER01":
            await setup.may_connect(link.calls, slack.app_token, bot)
            return
        with pytest.raises(ConfigError, match=r"of two apps: the bot token of ABUTLER01, .* of AANOTHER1"):
            await setup.may_connect(link.calls, slack.app_token, bot)
    finally:
        await link.close()


async def test_what_is_in_the_way_is_said(init: Init, slack: SlackTwin, git_repo: Path, butler: Path) -> None:
    workspace = slack.workspace
    workspace.channel("C00000OLD", "old").archived = True
    workspace.channel("C0SECRET1", "secret", kind="group", members={"UROBIN001"})
    workspace.channel("C00000PUB", "pub", members={"UROBIN001"})
    known = set(workspace.channels)
    for words, said in (
        (["--channel", "#old"], "channel old cannot be used: is_archived"),
        (["--channel", "secret"], "invite the app there first"),
        (["--channel", "C0SECRET1"], "invite the app there first"),
        (["--channel", "C0NOWHERE"], "cannot see the channel C0NOWHERE"),
        (["--channel", f" {slack.bot_token}"], "what was given as channel is a token"),
        (["--channel", f"#{slack.app_token}"], "what was given as channel is a token"),
        (["--channel", "#"], "'#' is no channel"),
        (["--channel", "@robin"], "'@robin' is no channel"),
        (["--channel", "https://example.com/our channel"], "is no channel"),
    ):
        code, _, err = await init(*words)
        assert (code, said in err, err.count("\n")) == (2, True, 1), err
        assert "0123456789" not in err, "no secret is repeated"
        assert not (git_repo / ".codebutler").exists()
    assert posts(slack) == []
    assert set(workspace.channels) == known, "none was made of what is no channel"
    assert (await init("--channel", "https://twin.slack.com/archives/C00000PUB?thread_ts=1.2&cid=C00000PUB"))[
        0
    ] == 0
    assert "UBUTLER01" in workspace.channels["C00000PUB"].members

    slack.scopes = "chat:write,channels:read"
    code, _, err = await init()
    assert code == 2
    assert "the bot token lacks app_mentions:read, channels:history, commands" in err
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{free.getsockname()[1]}/api"
    (butler / "config.json").write_text(json.dumps({"slack": {"baseUrl": nowhere}}))
    code, _, err = await init()
    assert (code, err.count("\n"), "Check the network" in err) == (1, 1, True)


async def test_a_service_reads_the_new_tokens(init: Init, butler: Path) -> None:
    """A copy of an old token in a service's environment would go before what was kept now."""
    file = butler / "services" / "codebutler-shop-12345678.env"
    envfile.write(file, {"SLACK_BOT_TOKEN": "xoxb-old", "OPENAI_API_KEY": "sk-1"})
    _, out, _ = await init()
    assert "codebutler-shop-12345678 reads them from there now" in out
    assert envfile.read(file) == {"OPENAI_API_KEY": "sk-1"}


async def test_the_doctor_looks_at_slack(slack: SlackTwin, tmp_path: Path) -> None:
    async def look(**changes: object) -> list[str]:
        given = {f"slack.{key}": value for key, value in {**slack.settings(), **changes}.items()}
        config = load_config(None, home=tmp_path, env={}, flags=given)
        return [f"{c.state}: {c.text}" for c in await doctor_slack.examine(config, offline=False)]

    assert await look() == ["ok: codebutler in Twin", "ok: the app token opens connections"]
    slack.scopes = ",".join(setup.NEEDED)
    assert [line for line in await look() if line.startswith("note: without im:read")]
    slack.workspace.channels["CSHOP0001"].archived = True
    assert "problem: #codebutler-shop is archived" in await look()
    assert "problem: C0NOWHERE: channel_not_found" in await look(channels=["C0NOWHERE"])
    with pytest.raises(ConfigError, match="is an app token"):
        await look(botToken=slack.app_token)
    with pytest.raises(ConfigError, match="no Slack API is at slack"):
        await look(baseUrl=slack.workspace.url)
    assert await look(botToken=None) == ["problem: slack.botToken is not set"]
    assert await look(appToken=None) == ["problem: slack.appToken (or slack.listen) is not set"]
    assert await look(botToken=None, appToken=None) == []


@pytest.mark.parametrize("key", ["users", "admins"])
async def test_people_are_named_by_id(slack: SlackTwin, tmp_path: Path, key: str) -> None:
    """A name in the place of an id would lock everybody out, or leave troubles untold."""
    given = {f"slack.{k}": v for k, v in slack.settings().items()}
    with pytest.raises(ConfigError, match=rf"slack.{key}.* must be a member's id, such as U012AB3CD"):
        load_config(None, home=tmp_path, env={}, flags={**given, f"slack.{key}": ["@robin"]})
    people = ["UROBIN001", "robin"]
    config = load_config(None, home=tmp_path, env={}, flags={**given, f"slack.{key}": people})
    found = [c.text for c in await doctor_slack.examine(config, offline=False) if c.state == "problem"]
    assert found == ["'robin' of slack.users or slack.admins is nobody's id: user_not_found"]
