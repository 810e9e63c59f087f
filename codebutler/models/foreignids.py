"""Which ids ``litellm/<provider>/<model>`` are taken. A repo and a chat may name them, but choose no server.

Some of litellm's providers take a URL for a model's name, others call a server of their own without any key;
and the host's key and the whole conversation go there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from codebutler.config import Config
from codebutler.errors import ConfigError, ModelRefused
from codebutler.settings.borrowed import borrowed, is_for

LITELLM = "litellm/"
"""How ids begin that go through the litellm package."""
_ID = re.compile(r"[a-z0-9][a-z0-9_-]*(?:/(?!\.+(?:/|$))[A-Za-z0-9._:@-]*[A-Za-z0-9._@-])+")
"""Neither an empty part, as a URL has one, nor ``..``, nor a scheme, nor what would end a host or a path."""

_OPENAIS = frozenset({"openai", "text-completion-openai"})
_SIGNED = ("bedrock", "sagemaker", "vertex", "azure", "oci", "watsonx")
"""How providers begin that are asked with other things than a key; none of them falls back to OpenAI's."""
_LOCAL = ("ollama", "hosted_vllm", "vllm", "lm_studio", "llamafile", "xinference", "triton")
"""Providers whose servers are mostly one's own, without keys."""
_NO_KEY = "none"


def key_for(provider: str, own: Mapping[str, str], *, placed: bool) -> str | None:
    """What is given as the key where the host's settings have none; None: the package finds it by itself.

    Left to itself the package sends OpenAI's key to whoever speaks OpenAI's protocol and has none of its own.
    ``own``: the provider's variables; ``placed``: the host has named its server. ModelRefused without a key.
    """
    if provider in _OPENAIS or provider.startswith(_SIGNED):
        return None
    named = [own[name] for name in sorted(own, key=lambda name: (not name.endswith("API_KEY"), name))]
    if named:
        return named[0]
    if placed or provider.startswith(_LOCAL):
        return _NO_KEY
    raise no_key(provider)


def no_key(provider: str, what: str = "has no API key") -> ModelRefused:
    """``what`` is wrong with a provider's key, and where a valid one goes."""
    keys = f"litellm.{provider}.apiKey in config.json, or into the variable that litellm names"
    return ModelRefused(f"{provider} (litellm) {what}", fix=f"Put a valid one into {keys} for {provider}")


def named(model: str) -> tuple[str, str]:
    """(provider, its name and the model's) of an id. ConfigError for what is none, or could be an address."""
    name = model.removeprefix(LITELLM)
    provider, _, rest = name.partition("/")
    if not provider or not rest:
        raise ConfigError(f"{model} names no provider", fix="Write litellm/<provider>/<model>")
    if not _ID.fullmatch(name):
        fix = "A server's address belongs into litellm.<provider>.baseUrl of the global config.json"
        raise ConfigError(f"{ascii(model)[1:-1]:.100} is no id for litellm", fix=fix)
    return provider, name


def permit(config: Config, provider: str, env: Mapping[str, str]) -> None:
    """ConfigError unless the host has set the provider up, by a key or a section, or has chosen it itself."""
    if provider in config.litellm or any(is_for(provider, name) for name in borrowed(env)):
        return
    beginning = f"{LITELLM}{provider}/"
    chosen = [
        v for key, v, origin in config.items() if key.startswith("models.") and not config.is_repos(origin)
    ]
    if any(str(model).startswith(beginning) for model in (config.model_override, *chosen)):
        return
    raise ConfigError(
        f"{provider} (litellm) has no API key, and the host has not chosen it",
        fix=f"The host sets litellm.{provider}.apiKey in the global config.json or the variable that litellm "
        "names, or names a model of it there or in CODEBUTLER_MODEL",
    )
