"""Several repos in one process: each Slack channel is one repo's, and what breaks in one touches no other."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Callable
from contextlib import nullcontext
from pathlib import Path

import pytest

from codebutler.config import load_config
from codebutler.errors import ConfigError, UsageError
from codebutler.service.app import find_place
from codebutler.service.applock import connection_to, slack_app
from codebutler.service.claims import Claims
from codebutler.store.store import Store
from codebutler.testing.slack.human import Human
from codebutler.testing.slack.server import SlackTwin
from codebutler.testing.stage import PROGRAM, Stage

TALK = """
[[scripts]]
role = "pm"
[[scripts.steps]]
text = "It is answered."
"""
SITE = "CSITE0001"


@pytest.fixture
async def slack() -> AsyncIterator[SlackTwin]:
    async with SlackTwin() as twin:
        twin.workspace.channel(SITE, "site")
        yield twin


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not true():  # noqa: ASYNC110 - the workspace has no event for everything
            await asyncio.sleep(0.02)


def answered(slack: SlackTwin, channel: str) -> bool:
    return any("It is answered." in str(m) for m in slack.workspace.channels[channel].messages)


@pytest.mark.parametrize("stage", [TALK], indirect=True)
async def test_a_broken_repo_touches_no_other_and_comes_back(
    stage: Stage, slack: SlackTwin, tmp_path: Path
) -> None:
    site = tmp_path / "site"
    shutil.copytree(stage.sample.repo, site)
    (site / ".codebutler").mkdir()
    (site / ".codebutler/store.db").write_bytes(b"no store" * 999)
    butler = stage.home / "butler"
    butler.mkdir(parents=True)
    serve = {"repos": [str(stage.sample.repo), str(site)], "logJson": True}
    serve["channels"] = {"CSHOP0001": str(stage.sample.repo), SITE: str(site)}
    config = {"slack": slack.settings(channelID=None), "serve": serve, "threads": {"burstSeconds": 0}}
    del config["slack"]["channelID"]
    (butler / "config.json").write_text(json.dumps(config))
    (butler / "config.json").chmod(0o600)
    process = await asyncio.create_subprocess_exec(
        *PROGRAM, "serve", cwd="/", env=stage.env(), stdout=PIPE, stderr=PIPE
    )
    try:
        shop, visitor = Human(slack), Human(slack, channel=SITE)
        await until(lambda: slack.sockets.connections)
        shop.say("Is it?")
        visitor.say("And here?")
        await until(lambda: answered(slack, "CSHOP0001"))
        assert not answered(slack, SITE)
        (site / ".codebutler/store.db").unlink()
        await until(lambda: answered(slack, SITE))
    finally:
        process.send_signal(signal.SIGTERM)
        _, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, err
    records = [json.loads(line) for line in err.decode().splitlines()]
    assert any("is not served" in r["text"] and r["repo"].startswith("site-") for r in records)
    said = {r["repo"].partition("-")[0] for r in records if r["text"] == "It is answered."}
    assert said == {"parcelrate", "site"}
    for repo in (stage.sample.repo, site):
        store = await Store.open(repo / ".codebutler/store.db")
        assert len(await store.threads()) == 1
        await store.close()
        [log] = (butler / "logs").glob(f"{repo.name}-*.log")
        assert f'"repo": "{log.stem}"' in log.read_text()
        assert all(json.loads(line)["repo"] in ("", log.stem) for line in log.read_text().splitlines())


async def test_a_channel_is_one_repos(
    git_repo: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    other = tmp_path / "other"
    shutil.copytree(git_repo, other)
    flags = {"slack.channelID": "C1", "slack.channels": ["C2"], "serve.channels.C2": str(other)}
    config = load_config(None, home=tmp_path, env={}, flags=flags)
    one, two = [await find_place(p, home=tmp_path, env={}, flags=flags) for p in (git_repo, other)]
    claims = Claims(config)
    assert claims.settle(one, alone=False).config.slack.channel_id == "C1"
    assert f"{git_repo} names the Slack channel C2, which serve.channels gives to {other}" in caplog.text
    with pytest.raises(ConfigError, match=f"C1 is both {git_repo}'s and {other}'s"):
        claims.settle(two, alone=False)
    alone = Claims(config).settle(two, alone=True).config.slack
    assert (alone.channel_id, alone.channels) == ("C1", ["C2"])
    flags = {"serve.channels.C2": str(other), "serve.channels.42": str(other)}
    two = await find_place(other, home=tmp_path, env={}, flags=flags)
    given = Claims(load_config(None, home=tmp_path, env={}, flags=flags)).settle(two, alone=False).config
    assert (given.slack.channel_id, given.discord.channel_id) == ("C2", "42")


async def test_a_channels_name_is_one_repos(git_repo: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(git_repo, other)
    flags = {"slack.channelName": "shop", "serve.channels.C2": str(other)}
    one, two = [await find_place(p, home=tmp_path, env={}, flags=flags) for p in (git_repo, other)]
    for given, refused in (({}, True), (flags, False)):  # whose id is known needs no name
        claims = Claims(load_config(None, home=tmp_path, env={}, flags=given))
        claims.settle(one, alone=False)
        with pytest.raises(ConfigError, match="#shop is both") if refused else nullcontext():
            claims.settle(two, alone=False)


def test_one_process_is_connected_to_an_app(tmp_path: Path) -> None:
    def app(**slack: str) -> str:
        flags = {f"slack.{key}": value for key, value in slack.items()}
        return slack_app(load_config(None, home=tmp_path, env={}, flags=flags))

    config = load_config(None, home=tmp_path, env={})
    tokens = {"botToken": "xoxb-1", "appToken": "xapp-1-A01-2-3"}
    assert app(**tokens) == "A01"
    assert app(botToken="xoxb-1") == ""
    assert app(**tokens, listen="127.0.0.1:3000") == ""
    for _ in range(2):
        with (
            connection_to("A01", config),
            connection_to("A02", config),
            pytest.raises(UsageError, match="is connected to this Slack app"),
            connection_to("A01", config),
        ):
            raise AssertionError("two are connected")
