"""Ids of litellm's: a repo and a chat may name a model, but neither chooses a server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from codebutler.config import load_config
from codebutler.errors import ConfigError
from codebutler.models.routing import Router

KEY = {"apiKey": "canary-key-value"}
PETALS = "petals/x"
KEYS = dict.fromkeys(("oobabooga", "bedrock", "vertex_ai", "cloudflare"), KEY)


def router(
    home: Path, *, repo: str | None = None, variables: dict[str, str] | None = None, **keys: object
) -> Router:
    (home / "config.json").write_text(json.dumps(keys))
    (home / "config.json").chmod(0o600)
    return Router(load_config(None, home=home, env=variables or {}, repo_text=repo))


@pytest.mark.parametrize(
    "name",
    ["http://127.0.0.1:1/x", "https:/evil.test", "https:", "//evil.test/x", "a//b", "../x", "x/../../y",
     "x/..",      "x?y=1", "x#y", "x%2f", "x\\y", "a b", "x\n", "ü", "evil.test#/x", "{x}", "[::1]/x",
     "x/", "user:pw@/x/http:/y/"],
)  # fmt: skip
def test_an_id_is_never_an_address(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=r"is no id for litellm.*baseUrl"):
        router(tmp_path, litellm=KEYS).route(f"litellm/oobabooga/{name}")


@pytest.mark.parametrize("provider", ["http:", "..", "OOBA", "oobabooga@x", "o o", "127.0.0.1:8080"])
def test_nor_is_its_provider(tmp_path: Path, provider: str) -> None:
    with pytest.raises(ConfigError):
        router(tmp_path, litellm=KEYS).route(f"litellm/{provider}/x")


@pytest.mark.parametrize(
    "name",
    ["bedrock/us.anthropic.claude-sonnet-4-20250514-v1:0", "vertex_ai/claude-sonnet-4@20250514",
     "bedrock/arn:aws:bedrock:us-east-1:123456789012:inference-profile/x.y-1", "cloudflare/@cf/meta/llama-3"],
)  # fmt: skip
def test_real_ids_are_taken(tmp_path: Path, name: str) -> None:
    assert router(tmp_path, litellm=KEYS).route(f"litellm/{name}").model == name


def test_only_the_host_opens_a_provider(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, theirs = f"litellm/{PETALS}", '{"models": {"pm": {"default": "litellm/petals/x"}}}'
    with pytest.raises(ConfigError, match="host has not chosen it"):
        router(tmp_path, repo=theirs).route(model)
    assert router(tmp_path, repo=theirs, litellm={"petals": KEY}).route(model).model == PETALS
    assert router(tmp_path, models={"coder": {"model": "litellm/petals/y"}}).route(model).model == PETALS
    assert router(tmp_path, variables={"CODEBUTLER_MODEL": "litellm/petals/y"}).route(model).model == PETALS
    monkeypatch.setenv("PETALS_API_KEY", "canary-key-value")
    assert router(tmp_path, repo=theirs).route(model).model == PETALS
