"""The servers that a configuration names: address, key, and what people call them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal
from urllib.parse import urlsplit

from msgspec import Struct
from pydantic import SecretStr

from codebutler.config import Config

OPENAI_URL = "https://api.openai.com/v1"


class Endpoint(Struct, frozen=True):
    """A server. ``key_from`` says where the key came from; without a key it is ""."""

    kind: Literal["openrouter", "openai", "compatible", "litellm"]
    label: str
    base_url: str
    key: SecretStr | None = None
    key_from: str = ""


def own_endpoint(config: Config, name: str) -> Endpoint:
    provider = config.providers[name]
    origin = config.origin(f"providers.{name}.apiKey") if provider.api_key else ""
    return Endpoint("compatible", f"provider {name}", provider.base_url, provider.api_key, origin)


def openai_endpoint(config: Config) -> Endpoint | None:
    """OpenAI, or the server at OPENAI_BASE_URL."""
    openai = config.openai
    origin = config.origin("openai.apiKey") if openai.api_key else ""
    if openai.base_url and urlsplit(openai.base_url).hostname != urlsplit(OPENAI_URL).hostname:
        label = f"the server at {openai.base_url}"
        return Endpoint("compatible", label, openai.base_url, openai.api_key, origin)
    if openai.api_key:
        return Endpoint("openai", "OpenAI", openai.base_url or OPENAI_URL, openai.api_key, origin)
    return None


def main_endpoint(config: Config) -> Endpoint | None:
    """OPENAI_BASE_URL wins over OpenRouter, OpenRouter over OpenAI."""
    openai, router = openai_endpoint(config), config.openrouter
    if router.api_key and not (openai and config.openai.base_url):
        origin = config.origin("openrouter.apiKey")
        return Endpoint("openrouter", "OpenRouter", router.base_url, router.api_key, origin)
    return openai


def or_a_model_of(names: Collection[str], fix: str) -> str:
    """``fix``, after the models of the host's own providers (``providers.<name>``), if there are any."""
    if not names:
        return fix
    models = " or ".join(f"{name}/…" for name in names)
    return (
        f"Choose one of yours, {models}: /model NAME in the thread, or models.* in config.json. Or s{fix[1:]}"
    )
