"""Which server gets which model, by what is configured."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from codebutler.config import load_config
from codebutler.errors import ConfigError
from codebutler.models.catalogue import Catalogue
from codebutler.models.routing import OPENAI_DEFAULT, Router
from codebutler.thread.pool import cheaper

OR, OA, URL = "OPENROUTER_API_KEY", "OPENAI_API_KEY", "OPENAI_BASE_URL"
KIMI, CLAUDE, GPT = "moonshotai/kimi-k2", "anthropic/claude-sonnet-4-5", "openai/gpt-4o-mini"


@dataclass(frozen=True)
class Role:
    """As much of a role as routing sees."""

    name: str = "pm"
    model: str = KIMI
    fallbacks: tuple[str, ...] = (GPT,)


def router(home: Path, env: dict[str, str], host: dict[str, Any] | None = None) -> Router:
    if host:
        (home / "config.json").write_text(json.dumps(host))
        (home / "config.json").chmod(0o600)
    return Router(load_config(None, home=home, env=env))


@pytest.mark.parametrize(
    ("env", "model", "base", "wire"),
    [
        ({OR: "k"}, KIMI, "https://openrouter.ai/api/v1", KIMI),
        ({OR: "k", OA: "k"}, GPT, "https://openrouter.ai/api/v1", GPT),
        ({OR: "k"}, CLAUDE, "https://openrouter.ai/api/v1", "anthropic/claude-sonnet-4.5"),
        ({OR: "k"}, f"{CLAUDE}-20250929", "https://openrouter.ai/api/v1", "anthropic/claude-sonnet-4.5"),
        ({OR: "k"}, "anthropic/claude-sonnet-4", "https://openrouter.ai/api/v1", "anthropic/claude-sonnet-4"),
        ({OA: "k"}, GPT, "https://api.openai.com/v1", "gpt-4o-mini"),
        ({OA: "k"}, "gpt-5", "https://api.openai.com/v1", "gpt-5"),
        ({OA: "k"}, KIMI, "https://api.openai.com/v1", OPENAI_DEFAULT),
        ({OA: "k", URL: "https://api.openai.com/v1"}, GPT, "https://api.openai.com/v1", "gpt-4o-mini"),
        ({URL: "http://127.0.0.1:1/v1"}, KIMI, "http://127.0.0.1:1/v1", KIMI),
        ({URL: "http://127.0.0.1:1/v1/", OR: "k", OA: "k"}, KIMI, "http://127.0.0.1:1/v1", KIMI),
    ],
)
def test_where_a_model_goes(tmp_path: Path, env: dict[str, str], model: str, base: str, wire: str) -> None:
    route = router(tmp_path, env).route(model)
    assert (route.endpoint.base_url, route.model) == (base, wire)


def test_another_model_is_told_once(tmp_path: Path) -> None:
    routes = router(tmp_path, {OA: "k"})
    route = routes.route(KIMI)
    routes.route(KIMI)
    assert route.id == f"openai/{OPENAI_DEFAULT}"
    assert routes.notices == (route.notice,)
    assert KIMI in route.notice
    assert routes.route(route.id).notice == "", "what really answers routes to itself"


def test_a_fallback_that_nobody_chose_is_no_news(tmp_path: Path) -> None:
    routes = router(tmp_path, {OA: "k"})
    assert routes.candidates(Role(model="gpt-5", fallbacks=(CLAUDE,))) == (
        "gpt-5",
        f"openai/{OPENAI_DEFAULT}",
    )
    assert routes.notices == ()
    routes.candidates(Role(model=CLAUDE))
    assert len(routes.notices) == 1


def test_a_look_for_a_cheaper_model_is_no_news(tmp_path: Path) -> None:
    routes = router(tmp_path, {OA: "k"})
    found = cheaper([KIMI, CLAUDE], routes, than="gpt-4.1", tokens=1000, output=1000, room=1.0)
    assert found == f"openai/{OPENAI_DEFAULT}"
    assert routes.notices == ()


def test_who_has_another_vendors_key_only_is_told_the_way(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        router(tmp_path, {"ANTHROPIC_API_KEY": "k"}).check()
    assert "CODEBUTLER_MODEL=litellm/PROVIDER/MODEL" in raised.value.fix


def test_a_provider_of_the_hosts_own(tmp_path: Path) -> None:
    host = {"providers": {"lab": {"baseUrl": "http://lab.example/v1", "apiKey": "lab-key"}}}
    routes = router(tmp_path, {OR: "k"}, host)
    route = routes.route("lab/org/model-7b")
    assert (route.endpoint.base_url, route.model, route.id) == (
        "http://lab.example/v1",
        "org/model-7b",
        "lab/org/model-7b",
    )
    assert route.endpoint.key is not None
    assert route.endpoint.key.get_secret_value() == "lab-key"
    assert route.endpoint.key_from.endswith("config.json")
    assert routes.route(KIMI).endpoint.kind == "openrouter"
    assert len(routes.endpoints) == 2


def test_a_role_without_a_server_is_pointed_at_the_hosts_own_provider(tmp_path: Path) -> None:
    routes = router(tmp_path, {}, {"providers": {"lab": {"baseUrl": "http://lab.example/v1"}}})
    with pytest.raises(ConfigError) as caught:
        routes.route(CLAUDE)
    assert all(word in caught.value.fix for word in ("lab/…", "/model NAME", "models.*", f". Or set {OR}"))


def test_no_key_at_all_is_one_line_with_the_fix(tmp_path: Path) -> None:
    routes = router(tmp_path, {})
    for attempt in (routes.check, lambda: routes.route(KIMI)):
        with pytest.raises(ConfigError) as caught:
            attempt()
        assert all(word in caught.value.fix for word in (OR, OA, URL, "Ollama"))
    assert routes.candidates(Role()) == (KIMI,), "the call itself says what is missing"
    router(tmp_path, {URL: "http://127.0.0.1:1/v1"}).check()


@pytest.mark.parametrize(
    ("env", "swap", "expected"),
    [
        ({OR: "k"}, None, (KIMI, GPT)),
        ({OR: "k"}, CLAUDE, (CLAUDE, GPT)),
        ({OR: "k"}, GPT, (GPT,)),
        ({OR: "k", "CODEBUTLER_MODEL": "x/y"}, None, ("x/y",)),
        ({OR: "k", "CODEBUTLER_MODEL": "x/y"}, CLAUDE, (CLAUDE, GPT)),
        ({OA: "k"}, None, (f"openai/{OPENAI_DEFAULT}", GPT)),
        ({URL: "http://h/v1", "CODEBUTLER_MODEL": "scripted"}, None, ("scripted",)),
    ],
)
def test_candidates_of_a_role(
    tmp_path: Path, env: dict[str, str], swap: str | None, expected: tuple[str, ...]
) -> None:
    assert router(tmp_path, env).candidates(Role(), swap) == expected


def test_the_configured_model_wins_over_the_roles_own(tmp_path: Path) -> None:
    routes = router(tmp_path, {OR: "k"}, {"models": {"pm": {"default": "a/b"}}})
    assert routes.candidates(Role()) == ("a/b", GPT)


@pytest.mark.parametrize(
    ("override", "model", "answers"),
    [
        ("", KIMI, "first"),
        ("", "second", "second"),
        ("", "vendor/second", "vendor/second"),
        ("chosen", KIMI, "chosen"),
    ],
)
async def test_a_server_that_lists_its_models(
    tmp_path: Path, override: str, model: str, answers: str
) -> None:
    routes = router(tmp_path, {URL: "http://127.0.0.1:1/v1", "CODEBUTLER_MODEL": override})
    assert routes.needs_learning(model)
    routes._catalogue = Catalogue("listed", ("text-embed", "first", "second"))
    assert not routes.needs_learning(model)
    route = routes.route(model)
    assert route.id == answers
    assert bool(route.notice) == (answers != model)
    assert "://" not in route.notice, "it is read by whoever reads the issue"


@pytest.mark.parametrize(
    ("model", "near"),
    [
        ("moonshotai/kimi-k3", ("moonshotai/kimi-k2",)),
        ("kimi", ("moonshotai/kimi-k2",)),
        ("quite/another", ()),
        ("x/llama3", None),
        ("moonshotai/kimi-k2", None),
        ("litellm/anthropic/claude", None),
        ("lab/anything", None),
        ("chosen", None),
    ],
)
def test_what_the_server_would_answer_with_another_model(
    tmp_path: Path, model: str, near: tuple[str, ...] | None
) -> None:
    host = {"providers": {"lab": {"baseUrl": "http://lab.example/v1"}}}
    env = {URL: "http://127.0.0.1:1/v1", "CODEBUTLER_MODEL": "chosen"}
    routes = router(tmp_path, env, host)
    assert routes.unlisted(model) is None, "nobody knows what it has"
    routes._catalogue = Catalogue("listed", ("llama3", "moonshotai/kimi-k2"))
    assert routes.unlisted(model) == near


async def test_a_silent_server_is_asked_again(tmp_path: Path) -> None:
    routes = router(tmp_path, {URL: "http://127.0.0.1:9/v1"})
    await routes.learn()
    assert routes.needs_learning(KIMI)
    assert routes.route(KIMI).model == KIMI


def test_the_hosts_chosen_model_needs_no_look(tmp_path: Path) -> None:
    routes = router(tmp_path, {URL: "http://127.0.0.1:9/v1", "CODEBUTLER_MODEL": "scripted"})
    assert not routes.needs_learning("scripted")
    assert not router(tmp_path, {OR: "k"}).needs_learning(KIMI)
