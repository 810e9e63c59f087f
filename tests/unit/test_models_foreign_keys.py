"""Whose key litellm is given: the provider's own, or one that opens nothing. Never another provider's."""

from __future__ import annotations

import pytest

from codebutler.errors import ModelRefused
from codebutler.models.foreignids import key_for
from codebutler.settings.borrowed import is_for, keys_of

OWN = {"MOONSHOT_API_KEY": "sk-moon-0123456789", "OPENAI_API_KEY": "sk-open-0123456789"}


def test_the_providers_own_key_is_given_by_name() -> None:
    assert key_for("moonshot", keys_of("moonshot", OWN), placed=False) == "sk-moon-0123456789"
    env = {"HF_TOKEN": "hf-token-0123456789", "HUGGINGFACE_API_KEY": "hf-key-0123456789"}
    assert key_for("huggingface", keys_of("huggingface", env), placed=False) == "hf-key-0123456789"


@pytest.mark.parametrize("provider", ["perplexity", "github", "nvidia_nim", "deepinfra", "custom_openai"])
def test_openais_key_is_for_openai_alone(provider: str) -> None:
    env = {**OWN, "GITHUB_TOKEN": "ghp-0123456789abcdef", "SLACK_APP_TOKEN": "xapp-0123456789"}
    assert keys_of(provider, env) == {}
    with pytest.raises(
        ModelRefused, match=rf"{provider} \(litellm\) has no API key.*litellm\.{provider}\.apiKey"
    ):
        key_for(provider, {}, placed=False)
    assert key_for(provider, {}, placed=True) == "none"


@pytest.mark.parametrize(
    ("provider", "key"),
    [("openai", None), ("bedrock", None), ("bedrock_converse", None), ("vertex_ai", None), ("azure", None),
     ("ollama", "none"), ("ollama_chat", "none"), ("hosted_vllm", "none")],
)  # fmt: skip
def test_who_needs_no_key_is_asked_without_one(provider: str, key: str | None) -> None:
    assert key_for(provider, {}, placed=False) == key


def test_tokens_of_forges_and_chats_open_no_provider() -> None:
    assert not is_for("github", "GITHUB_TOKEN")
    assert not is_for("slack", "SLACK_BOT_TOKEN")
    assert is_for("github", "GITHUB_API_KEY")
