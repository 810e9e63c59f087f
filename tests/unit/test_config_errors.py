"""A mistake in a configuration file gives one line: file, key, fix."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from codebutler.config import load_config
from codebutler.errors import ConfigError


def problem(tmp_path: Path, text: str, **more: Any) -> ConfigError:
    file = tmp_path / "config.json"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    file.chmod(0o600)
    with pytest.raises(ConfigError) as caught:
        load_config(None, home=tmp_path, env=more.pop("env", {}), **more)
    assert "\n" not in str(caught.value)
    assert caught.value.fix
    return caught.value


@pytest.mark.parametrize(
    ("text", "key", "fix"),
    [
        (
            '{"limits": {"maxConcurentThreads": 1}}',
            "limits.maxConcurentThreads",
            "limits.maxConcurrentThreads",
        ),
        ('{"limits": {"max_calls_per_hour": 1}}', "limits.max_calls_per_hour", "limits.maxCallsPerHour"),
        ('{"slak": {}}', "slak", "slack"),
        ('{"slack": {"channelId": "C1"}}', "slack.channelId", "slack.channelID"),
        ('{"models": {"pm": {"model": "x"}}}', "models.pm.model", "default, pool"),
        ('{"models": {"coder": {"modle": "x"}}}', "models.coder.modle", "models.coder.model"),
        ('{"providers": {"a": {"baseURL": "http://x"}}}', "providers.a.base", "baseUrl"),
        ('{"zzz": 1}', "zzz", "Known keys here: slack"),
    ],
)
def test_an_unknown_key_is_named_with_the_one_that_was_meant(
    tmp_path: Path, text: str, key: str, fix: str
) -> None:
    error = problem(tmp_path, text)
    assert str(tmp_path / "config.json") in error.message
    assert key in error.message
    assert fix in error.fix


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"limits": {"maxConcurrentThreads": 0}}', "limits.maxConcurrentThreads: must be greater than"),
        ('{"limits": {"maxConcurrentThreads": "3"}}', "maxConcurrentThreads: must be a valid integer"),
        ('{"limits": {"maxConcurrentThreads": true}}', "maxConcurrentThreads: must be a valid integer"),
        ('{"limits": {"usdPerDay": -1}}', "limits.usdPerDay: must be greater"),
        ('{"access": {"memory": ["everyone"]}}', "access.memory.0: must be ids such as U7 or slack:U7"),
        ('{"access": {"merge": ["U7", "@ana"]}}', "access.merge.1: must be ids such as U7 or slack:U7"),
        ('{"github": {"mention": "the bot"}}', "github.mention: must be one word"),
        ('{"github": {"mention": "@@bot"}}', "github.mention: must be one word"),
        ('{"github": {"planFolder": "../x"}}', "github.planFolder: must be a folder of the repo"),
        ('{"github": {"planFolder": "/abs"}}', "github.planFolder: must be a folder of the repo"),
        ('{"limits": {"onCap": "explode"}}', "limits.onCap: must be 'pause', 'cheaper' or 'stop'"),
        ('{"discord": {"channelID": "shop"}}', "discord.channelID: must be an id, all digits"),
        ('{"discord": {"users": ["@robin"]}}', "discord.users.0: must be an id, all digits"),
        ('{"openai": {"baseUrl": "localhost:11434"}}', "openai.baseUrl: must be a URL"),
        ('{"openai": {"baseUrl": "https://u:p@x.org"}}', "openai.baseUrl: must not carry"),
        ('{"openai": {"baseUrl": "https://x.org/v1?key=k"}}', "openai.baseUrl: must end before ?"),
        ('{"openai": {"baseUrl": "https://x.org:99999"}}', "openai.baseUrl: Port out of range"),
        ('{"openai": {"baseUrl": "https://x y.org"}}', "openai.baseUrl: must be a URL without spaces"),
        ('{"openai": {"baseUrl": "http://x.org/v1/chat/completions/"}}', "must leave off /chat/completions"),
        ('{"sandbox": {"allow": ["example.org"]}}', "sandbox.allow.0: must look like host:port"),
        ('{"sandbox": {"allow": ["example.org:99999"]}}', "sandbox.allow.0: must look like host:port"),
        ('{"sandbox": {"uid": 0}}', "sandbox.uid: must be greater than or equal to 1"),
        ('{"providers": {"openai": {"baseUrl": "https://x.org"}}}', "has its own section"),
        ('{"providers": {"A B": {"baseUrl": "https://x.org"}}}', "a provider's name"),
        ('{"models": {"pm": {"default": " "}}}', "models.pm.default: must be one line"),
        ('{"git": {"authorName": "a\\nb"}}', "git.authorName: must be one line"),
        ('{"slack": []}', "slack"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_named(tmp_path: Path, text: str, words: str) -> None:
    assert words in problem(tmp_path, text).message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{\n  "limits": {,}\n}', "line 2"),
        ("[1]", "must hold a JSON object"),
        ('{"forge": "local", "forge": "auto"}', "'forge' is there twice"),
        ('{"limits": {"usdPerDay": NaN}}', "NaN"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a": "\udcff"}', "not UTF-8"),
        (" " * (300 * 1024), "larger than 256 KB"),
    ],
)
def test_what_is_not_json_is_said_with_its_place(tmp_path: Path, text: str, words: str) -> None:
    assert words in problem(tmp_path, text).message


def test_a_wrong_secret_is_not_repeated(tmp_path: Path) -> None:
    assert "123456789" not in str(problem(tmp_path, '{"openai": {"apiKey": 123456789}}'))


def test_a_wrong_variable_is_named(tmp_path: Path) -> None:
    error = problem(tmp_path, "{}", env={"OPENAI_BASE_URL": "nonsense"})
    assert "environment variable OPENAI_BASE_URL: openai.baseUrl" in error.message


def test_a_wrong_flag_is_named(tmp_path: Path) -> None:
    assert "command line: unknown key limits.x" in problem(tmp_path, "{}", flags={"limits.x": 1}).message


def test_a_fifo_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "config.json", 0o600)
    with pytest.raises(ConfigError, match="not a plain file"):
        load_config(None, home=tmp_path, env={})


def test_links_in_a_repo_are_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "elsewhere"
    secret.mkdir()
    (secret / "config.json").write_text("{}")
    repo = tmp_path / "repo"
    (repo / ".codebutler").mkdir(parents=True)
    (repo / ".codebutler" / "config.json").symlink_to(secret / "config.json")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(repo, home=tmp_path, env={})
    (repo / ".codebutler" / "config.json").unlink()
    (repo / ".codebutler").rmdir()
    (repo / ".codebutler").symlink_to(secret)
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(repo, home=tmp_path, env={})
