"""Where configuration values come from, and what a repo may not say."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from codebutler.config import ENVIRONMENT, Config, home_folder, load_config
from codebutler.errors import ConfigError
from codebutler.settings.keys import nest, split


class World:
    """A home and a repo with configuration files in them."""

    def __init__(self, folder: Path) -> None:
        self.home, self.repo = folder / "home", folder / "repo"
        self.home.mkdir()
        (self.repo / ".codebutler").mkdir(parents=True)
        self.global_file = self.home / "config.json"
        self.repo_file = self.repo / ".codebutler" / "config.json"

    def host(self, text: object, mode: int = 0o600) -> None:
        self.global_file.write_text(text if isinstance(text, str) else json.dumps(text))
        self.global_file.chmod(mode)

    def own(self, text: object) -> None:
        self.repo_file.write_text(text if isinstance(text, str) else json.dumps(text))

    def load(self, env: dict[str, str] | None = None, **more: Any) -> Config:
        return load_config(self.repo, home=self.home, env=env or {}, **more)

    def problem(self, env: dict[str, str] | None = None, **more: Any) -> ConfigError:
        with pytest.raises(ConfigError) as caught:
            self.load(env, **more)
        assert "\n" not in str(caught.value)
        assert caught.value.fix
        return caught.value


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_without_any_file_the_shipped_values_hold(world: World) -> None:
    config = world.load()
    assert (config.limits.max_concurrent_threads, config.limits.max_calls_per_hour) == (3, 100)
    assert config.openrouter.base_url == "https://openrouter.ai/api/v1"
    assert config.origin("limits.maxCallsPerHour") == "shipped"
    assert config.secrets() == []


def test_each_layer_wins_over_the_one_below(world: World) -> None:
    key = "models.coder.model"
    assert world.load().origin(key) == "shipped"
    world.host({"models": {"coder": {"model": "a/global"}, "lead": {"model": "a/lead"}}})
    assert world.load().models.coder.model == "a/global"
    world.own({"models": {"coder": {"model": "b/repo"}}})
    config = world.load()
    assert (config.models.coder.model, config.models.lead.model) == ("b/repo", "a/lead")
    assert config.origin(key) == str(world.repo_file)
    assert config.origin("models.lead.model") == str(world.global_file)
    config = world.load(flags={key: "c/flag", "models.lead.model": None})
    assert (config.model_of("coder"), config.origin(key)) == ("c/flag", "flag")


@pytest.mark.parametrize(("variable", "key"), ENVIRONMENT.items())
def test_a_conventional_variable_wins_over_the_global_file(world: World, variable: str, key: str) -> None:
    name = key.rpartition(".")[2]
    old, new = (
        ("https://old.example", "https://new.example") if name.endswith("Url") else ("old-value", "new-value")
    )
    world.host(nest({split(key): old}))
    assert world.load().origin(key) == str(world.global_file)
    config = world.load({variable: new})
    assert config.origin(key) == variable
    values = {k: v for k, v, _ in config.items()}
    shown = values[key] if name.endswith("Url") else values[key].get_secret_value()
    assert shown == new
    assert world.load({variable: ""}).origin(key) == str(world.global_file), "an empty variable is unset"


def test_one_model_for_every_role(world: World) -> None:
    world.own({"models": {"pm": {"default": "a/pm"}, "coder": {"model": "a/coder"}}})
    plain = world.load()
    assert [plain.model_of(r) for r in ("pm", "coder", "lead", "own-role")] == ["a/pm", "a/coder", None, None]
    config = world.load({"CODEBUTLER_MODEL": "one"})
    assert {config.model_of(r) for r in ("pm", "coder", "lead", "own-role")} == {"one"}
    assert config.origin("models.coder.model") == "CODEBUTLER_MODEL"
    assert world.load({"CODEBUTLER_MODEL": "one"}, flags={"model": "two"}).model_override == "two"


def test_the_repo_text_of_the_base_commit_is_used_instead_of_the_checkout(world: World) -> None:
    world.own({"models": {"lead": {"model": "from/checkout"}}})
    text = json.dumps({"models": {"lead": {"model": "from/commit"}}})
    assert world.load(repo_text=text).models.lead.model == "from/commit"
    assert world.load(repo_text="").models.lead.model is None


@pytest.mark.parametrize(
    ("repo_limits", "held"),
    [
        ({"maxConcurrentThreads": 2}, {"max_concurrent_threads": 2}),
        ({"maxConcurrentThreads": 50}, {"max_concurrent_threads": 3}),
        ({"usdPerThread": 0.5}, {"usd_per_thread": 0.5}),
        ({"usdPerThread": 500}, {"usd_per_thread": 4.0}),
        ({"usdPerThread": None}, {"usd_per_thread": 4.0}),
        ({"usdPerDay": 7}, {"usd_per_day": 7.0}),
        ({"onCap": "stop"}, {"on_cap": "stop"}),
        ({"onCap": "cheaper"}, {"on_cap": "pause"}),
    ],
)
def test_a_repo_lowers_caps_and_never_raises_them(
    world: World, repo_limits: dict[str, Any], held: dict[str, Any]
) -> None:
    world.host({"limits": {"usdPerThread": 4, "usdPerDay": None}})
    world.own({"limits": repo_limits})
    config = world.load()
    assert {name: getattr(config.limits, name) for name in held} == held
    key = f"limits.{next(iter(repo_limits))}"
    ignored = config.origin(key) != str(world.repo_file)
    assert bool(config.notes) == ignored, "what is ignored is told"
    assert all(key in note for note in config.notes)


def test_the_person_at_the_host_may_raise_a_cap_by_flag(world: World) -> None:
    world.own({"limits": {"usdPerThread": 1}})
    assert world.load(flags={"limits.usdPerThread": 9}).limits.usd_per_thread == 9


@pytest.mark.parametrize(
    "key",
    [
        *(key for key in ENVIRONMENT.values() if not key.endswith("Url")),
        "providers.mine.apiKey",
    ],
)
def test_a_secret_in_a_repo_is_an_error_that_does_not_repeat_it(world: World, key: str) -> None:
    tree: Any = "canary-secret-value"
    for part in reversed(key.split(".")):
        tree = {part: tree}
    if key.startswith("providers"):
        tree["providers"]["mine"]["baseUrl"] = "https://example.org"
        tree["providers"]["mine"] = dict(reversed(tree["providers"]["mine"].items()))
    world.own(tree)
    error = world.problem()
    assert "canary-secret-value" not in str(error)
    assert str(world.repo_file) in error.message
    if not key.startswith("providers"):
        assert key in error.message
        assert "secret" in error.message


@pytest.mark.parametrize(
    "tree",
    [
        {"openai": {"baseUrl": "https://evil.example/v1"}},
        {"openrouter": {"baseUrl": "https://evil.example/v1"}},
        {"github": {"baseUrl": "https://evil.example"}},
        {"slack": {"adminChannel": "C1"}},
        {"providers": {"x": {"baseUrl": "https://evil.example"}}},
        {"sandbox": {"tier": "off"}},
        {"sandbox": {"allow": ["evil.example:443"]}},
        {"sandbox": {"uid": 1000}},
        {"git": {"timeout": 3000}},
        {"forge": "local"},
    ],
)
def test_a_repo_cannot_touch_what_is_the_hosts(world: World, tree: dict[str, Any]) -> None:
    world.own(tree)
    error = world.problem()
    assert "host" in error.message
    assert str(world.repo_file) in error.message
    world.repo_file.unlink()
    world.host(tree)
    world.load()


def test_the_original_specs_files_are_valid(world: World) -> None:
    world.host({"slack": {"botToken": "xoxb-1", "appToken": "xapp-1"}, "openrouter": {"apiKey": "sk-or-1"},
                "openai": {"apiKey": "sk-1"}})  # fmt: skip
    world.own({
        "slack": {"channelID": "C0123", "channelName": "codebutler-x"},
        "models": {"pm": {"default": "m/k", "pool": {"kimi": "m/k", "gpt": "openai/gpt-4o-mini"}},
                   "researcher": {"model": "m/k"}, "coder": {"model": "a/o"}, "lead": {"model": "a/s"}},
        "limits": {"maxConcurrentThreads": 3, "maxCallsPerHour": 100},
    })  # fmt: skip
    config = world.load()
    assert config.slack.channel_id == "C0123"
    assert config.models.pm.pool == {"kimi": "m/k", "gpt": "openai/gpt-4o-mini"}
    assert config.origin("models.pm.pool.kimi") == str(world.repo_file)
    assert sorted(config.secrets()) == ["sk-1", "sk-or-1", "xapp-1", "xoxb-1"]


def test_secrets_do_not_show_in_a_repr(world: World) -> None:
    world.host({"openai": {"apiKey": "canary-value"}})
    config = world.load()
    assert "canary-value" not in repr(config) + str(config) + str(list(config.items()))
    assert config.secrets() == ["canary-value"]


def test_the_switch_that_removes_the_sandbox(world: World) -> None:
    assert world.load().sandbox.tier == "bwrap"
    assert world.load({"CODEBUTLER_UNSAFE_NO_SANDBOX": "0"}).sandbox.tier == "bwrap"
    config = world.load({"CODEBUTLER_UNSAFE_NO_SANDBOX": "1"})
    assert (config.sandbox.tier, config.origin("sandbox.tier")) == ("off", "CODEBUTLER_UNSAFE_NO_SANDBOX")


def test_the_global_folder() -> None:
    assert home_folder({"CODEBUTLER_HOME": "/x/y"}) == Path("/x/y")
    assert home_folder({"HOME": "/home/a"}) == Path("/home/a/.codebutler")
    assert home_folder({}).name == ".codebutler"


def test_a_readable_global_file_is_closed_and_told(world: World) -> None:
    world.host({"openai": {"apiKey": "k"}}, mode=0o644)
    config = world.load()
    assert world.global_file.stat().st_mode & 0o777 == 0o600
    assert "0600" in config.notes[0]
    assert world.load().notes == ()


def test_a_global_file_that_others_may_write_is_refused(world: World) -> None:
    world.host({}, mode=0o622)
    assert "chmod 600" in world.problem().fix


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_global_file_of_another_user_is_refused(world: World) -> None:
    world.host({})
    os.chown(world.global_file, 12345, 12345)
    assert "another user" in world.problem().message


@pytest.mark.parametrize(
    ("host", "repo", "left"),
    [
        (["anyone"], ["U7"], ["U7"]),
        (["U7", "U8"], ["slack:U7"], ["slack:U7"]),
        (["slack:U7"], ["U7", "discord:U7"], ["slack:U7"]),
        (["U7", "slack:U8"], ["owner"], []),
        (["U7", "slack:U8"], ["anyone", "owner"], ["U7", "slack:U8"]),
    ],
)
def test_a_repo_leaves_out_people_whatever_their_spelling_and_locks_nobody_else_out(
    world: World, host: list[str], repo: list[str], left: list[str]
) -> None:
    world.host({"access": {"merge": host}})
    world.own({"access": {"merge": repo}})
    assert world.load().access.merge == left
