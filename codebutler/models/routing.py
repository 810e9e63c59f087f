"""From a model id to the server that runs it: address, key, and the name the server knows it by.

First rule that fits: ``litellm/<provider>/<model>`` (foreign.py); ``<name>/<model>`` of the host's own
providers; OPENAI_BASE_URL, for every other id;
OpenRouter, if there is a key; OpenAI, if there is a key. Nothing of this talks to the network but ``learn``.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

from msgspec import Struct

from codebutler.config import MODEL_VARIABLE, Config
from codebutler.errors import ConfigError
from codebutler.models import catalogue
from codebutler.models.catalogue import Catalogue
from codebutler.models.endpoints import Endpoint, main_endpoint, or_a_model_of, own_endpoint
from codebutler.models.foreignids import LITELLM, named, permit
from codebutler.models.prices import Price, price
from codebutler.types import Usage

OPENAI_DEFAULT = "gpt-4.1-mini"
"""What stands in for a model that OpenAI does not have, when OpenAI is all there is."""
NO_PROVIDER = "no model provider is set up"
NO_PROVIDER_FIX = (
    "Set OPENROUTER_API_KEY or OPENAI_API_KEY, or OPENAI_BASE_URL for a local server "
    "(Ollama: http://127.0.0.1:11434/v1); with a key of Anthropic's, Gemini's … name the model, too: "
    "CODEBUTLER_MODEL=litellm/PROVIDER/MODEL"
)
_LISTING = frozenset({"compatible", "openrouter"})
"""Kinds of servers whose list of models says more than their names."""
_SILENCE = 600.0
"""Seconds before a list that could not be had is asked for again."""
_SEEING = re.compile(r"vision|llava|pixtral|gemma-?3|minicpm-v|\d-?vl\b|-vl-|internvl|mistral-small-?3\.[12]")
"""Names of models of local servers, whose lists tell no kinds of input."""
_CLAUDE = re.compile(r"(anthropic/claude-[a-z]+-\d+)-(\d{1,2})(?:-20\d{6})?((?::[a-z]+)?)")


class HasModels(Protocol):
    """What routing needs of a role."""

    @property
    def name(self) -> str:
        """The role's name."""
        ...

    @property
    def model(self) -> str:
        """The model its file names."""
        ...

    @property
    def fallbacks(self) -> Sequence[str]:
        """Models to ask when the first cannot be reached."""
        ...


class Route(Struct, frozen=True):
    """Where a call goes. ``id`` is what the model is called in logs and prices, ``model`` on the wire.

    ``notice`` tells people that another model than the one asked for will answer; "" when it is the same.
    """

    endpoint: Endpoint
    model: str
    id: str
    notice: str = ""


class Router:
    """Routes of one configuration. It remembers what the server at OPENAI_BASE_URL offers."""

    def __init__(self, config: Config) -> None:
        """Cheap: nothing is asked yet."""
        self._config = config
        self._own = {name: own_endpoint(config, name) for name in config.providers}
        self._main = main_endpoint(config)
        self._catalogue: Catalogue | None = None
        self._notices: dict[str, None] = {}
        self._prices: dict[str, Price] = {}
        self._silent_until = 0.0

    @property
    def main(self) -> Endpoint | None:
        """The server for ids that name no provider of the host's own."""
        return self._main

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """Every server that may be called."""
        return (*((self._main,) if self._main else ()), *self._own.values())

    @property
    def notices(self) -> tuple[str, ...]:
        """Every notice so far, each once, in order."""
        return tuple(self._notices)

    def check(self) -> None:
        """ConfigError if no model can be called at all."""
        if not self.endpoints and not self._config.litellm and not self._names_litellm():
            raise ConfigError(NO_PROVIDER, fix=NO_PROVIDER_FIX)

    def candidates(self, role: HasModels, swap: str | None = None) -> tuple[str, ...]:
        """Model ids to try for a role, first choice first; what cannot be routed falls away if it can.

        ``swap`` is the thread's own choice. An id here is what will really answer, as far as is known.
        """
        chosen = swap or self._config.model_of(role.name) or role.model
        single = self._config.model_override is not None and swap is None
        wanted = [chosen] if single else [chosen, *role.fallbacks]
        routed = []
        for model in wanted:
            try:
                routed.append(self.route(model, telling=model == chosen).id)
            except ConfigError:
                continue
        return tuple(dict.fromkeys(routed)) or (chosen,)

    async def learn(self) -> None:
        """Ask the server at OPENAI_BASE_URL, or OpenRouter, for its models and what it says of them, once.

        A silent one is asked again later.
        """
        endpoint = self._main
        if endpoint is None or endpoint.kind not in _LISTING or self._catalogue is not None:
            return
        if endpoint.kind == "openrouter" and time.monotonic() < self._silent_until:
            return  # its list only makes our table better: no turn waits for it again and again
        key = endpoint.key.get_secret_value() if endpoint.key else ""
        answer = await catalogue.ask(endpoint.base_url, key)
        if answer.state != "unreachable":
            self._catalogue = answer
        else:
            self._silent_until = time.monotonic() + _SILENCE

    def price(self, model: str) -> Price | None:
        """What is known of a model's price: of its provider, else our own table."""
        return self._prices.get(model) or self._listed(model, "prices") or price(model)

    def _listed(self, model: str, what: Literal["prices", "windows", "lengths"]) -> Any:  # noqa: ANN401 - of each
        """What the main server's list says of a model that it would serve; None if nothing."""
        if self._catalogue is None or model.startswith(LITELLM) or self._provider_of(model) is not None:
            return None
        names = (model, _dotted_claude(model), _bare(model))  # the last as ``_at_compatible`` asks for it
        listed: Mapping[str, Any] = getattr(self._catalogue, what)
        return next((listed[name] for name in names if name in listed), None)

    def cost(self, model: str, usage: Usage) -> float | None:
        """Dollars of a call; None if no price is known."""
        known = self.price(model)
        return known.cost(usage) if known else None

    def worst_case(self, model: str, input_tokens: int, max_output: int) -> float:
        """The most dollars a call can cost; 0.0 when no price is known.

        Nothing was in the prompt cache, all goes into it now, and the whole output is used.
        """
        plain = Usage(input=input_tokens, output=max_output)
        kept = plain.model_copy(update={"written": input_tokens})
        return max(self.cost(model, each) or 0.0 for each in (plain, kept))

    def know(self, model: str, told: Price | None) -> None:
        """Keep what a provider says of a model."""
        if told is not None:
            self._prices[model] = told

    def sees(self, model: str) -> bool:
        """Whether the model that answers for an id takes pictures; where nobody says so, by its name."""
        try:
            route = self.route(model)
        except ConfigError:
            return False
        if self._catalogue is not None and route.endpoint == self._main:
            told = self._catalogue.sight.get(route.model)
            if told is not None:
                return told
        known = self.price(route.id)
        return known.sees if known is not None else _SEEING.search(route.model.lower()) is not None

    def window(self, model: str) -> int | None:
        """Tokens that ``model`` can take in: the server's own word wins over our table."""
        known = self.price(model)
        return self._listed(model, "windows") or (known.context if known else None) or None

    def longest(self, model: str) -> int:
        """Tokens that a reply of ``model`` can have, by the same word; 0 where nobody says."""
        known = self.price(model)
        return self._listed(model, "lengths") or (known.max_output if known else 0)

    def offers(self, model: str) -> bool:
        """Whether the server at OPENAI_BASE_URL is known to have ``model``."""
        return self._catalogue is not None and model in self._catalogue.ids

    @property
    def offered(self) -> Sequence[str]:
        """What the main server is known to have."""
        return tuple(self._catalogue.ids) if self._catalogue is not None else ()

    def unlisted(self, model: str) -> tuple[str, ...] | None:
        """Names near ``model``, when the server at OPENAI_BASE_URL would answer with another; else None."""
        main = self._main
        if main is None or main.kind != "compatible" or model.startswith(LITELLM):
            return None
        if self._provider_of(model) is not None or not self._at_compatible(main, model).notice:
            return None
        return self._catalogue.near(model) if self._catalogue is not None else ()

    def needs_learning(self, model: str) -> bool:
        """Whether ``learn`` can change the route of an id: one that the host chose is taken at its word."""
        if self._catalogue is not None or self._main is None or self._main.kind != "compatible":
            return False
        if model == self._config.model_override or model.startswith(LITELLM):
            return False
        return self._provider_of(model) is None

    def route(self, model: str, *, telling: bool = True) -> Route:
        """Where a call to ``model`` goes. ConfigError says which key or variable is missing.

        Not ``telling``: nobody chose this one, so that another answers in its place is no news.
        """
        if model.startswith(LITELLM):
            return self._at_litellm(model)
        own = self._provider_of(model)
        if own is not None:
            return Route(own, model.partition("/")[2], model)
        if self._main is None:
            raise ConfigError(f"{NO_PROVIDER} for {model}", fix=or_a_model_of(self._own, NO_PROVIDER_FIX))
        if self._main.kind == "openrouter":
            route = Route(self._main, _dotted_claude(model), model)
        elif self._main.kind == "openai":
            route = self._at_openai(self._main, model)
        else:
            route = self._at_compatible(self._main, model)
        if route.notice and telling:
            self._notices[route.notice] = None
        return route

    def _provider_of(self, model: str) -> Endpoint | None:
        name, slash, _ = model.partition("/")
        return self._own.get(name) if slash else None

    def _names_litellm(self) -> bool:
        """Whether some model id asks for litellm: its keys stand in variables that only it knows."""
        models = self._config.models
        roles = (models.researcher, models.coder, models.lead, models.artist)
        ids = (self._config.model_override, models.pm.default, *(role.model for role in roles))
        return any((each or "").startswith(LITELLM) for each in ids)

    def _at_litellm(self, model: str) -> Route:
        provider, name = named(model)
        permit(self._config, provider, os.environ)
        own = self._config.litellm.get(provider)
        key, base = (own.api_key, own.base_url) if own else (None, None)
        origin = self._config.origin(f"litellm.{provider}.apiKey") if key else ""
        return Route(Endpoint("litellm", f"{provider} (litellm)", base or "", key, origin), name, model)

    def _at_openai(self, endpoint: Endpoint, model: str) -> Route:
        if _of_openai(model):
            return Route(endpoint, model.removeprefix("openai/"), model)
        override = self._config.model_override or ""
        instead = override.removeprefix("openai/") if _of_openai(override) else OPENAI_DEFAULT
        notice = f"OpenAI has no {model}: {instead} answers. OPENROUTER_API_KEY gives every vendor's models."
        return Route(endpoint, instead, f"openai/{instead}", notice)

    def _at_compatible(self, endpoint: Endpoint, model: str) -> Route:
        offered = self._catalogue.ids if self._catalogue else ()
        if not offered or model in offered or model == self._config.model_override:
            return Route(endpoint, model, model)
        bare = _bare(model)
        if bare in offered:
            return Route(endpoint, bare, model)
        instead = (
            self._config.model_override or (self._catalogue.first if self._catalogue else "") or offered[0]
        )
        hint = "" if self._config.model_override else f" {MODEL_VARIABLE} chooses another."
        notice = (
            f"The model server has no {model}: {instead} answers.{hint}"  # its address is nobody's business
        )
        return Route(endpoint, instead, instead, notice)


def _of_openai(model: str) -> bool:
    """Whether OpenAI itself may have the model; an id without a vendor is taken at its word."""
    return bool(model) and (model.startswith("openai/") or "/" not in model)


def _dotted_claude(model: str) -> str:
    """OpenRouter writes Claude's versions with a dot and without a date, Anthropic with a dash."""
    found = _CLAUDE.fullmatch(model)
    return f"{found[1]}.{found[2]}{found[3]}" if found else model


def _bare(model: str) -> str:
    return model.rpartition("/")[2]
