"""What the doctor asks about models: keys, servers, and which model each role gets."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Collection, Mapping, Sequence
from urllib.parse import urlsplit

from msgspec.structs import replace
from pydantic import SecretStr

from codebutler.agent.roles import Role
from codebutler.config import ENVIRONMENT, Config
from codebutler.errors import CodeButlerError, ConfigError
from codebutler.models import catalogue
from codebutler.models.catalogue import Catalogue
from codebutler.models.endpoints import Endpoint
from codebutler.models.foreignids import LITELLM
from codebutler.models.media import What, service
from codebutler.models.routing import Route, Router
from codebutler.service.doctor_check import Check, note, ok, problem
from codebutler.settings.borrowed import borrowed, keys_of


async def examine(
    config: Config, roles: Mapping[str, tuple[Role, str]], env: Mapping[str, str], *, offline: bool
) -> list[Check]:
    """Keys, servers, and each role with the file it is from; ``offline`` leaves the servers alone."""
    router = Router(config)
    checks = _keys(config, env)
    try:
        router.check()
    except ConfigError as error:
        return [*checks, problem("models", error.message, error.fix)]
    checks += [_clear(endpoint) for endpoint in router.endpoints if _is_clear(endpoint)]
    if not offline:
        checks += await asyncio.gather(*(_server(endpoint) for endpoint in router.endpoints))
        await router.learn()
    known = router.endpoints
    return [
        *checks,
        *_together(_roles(config, router, roles, env)),
        *_media(config, "images", known),
        *_media(config, "speech", known),
    ]


def _keys(config: Config, env: Mapping[str, str]) -> list[Check]:
    """Which keys there are; never their values."""
    present = [f"{key} ({origin})" for key, value, origin in config.items() if isinstance(value, SecretStr)]
    others = [name for name in sorted(borrowed(env)) if name not in ENVIRONMENT]
    litellms = [note("keys", f"for litellm, if a model asks for it: {', '.join(others)}")] if others else []
    return [ok("keys", ", ".join(present) or "none"), *litellms]


def _media(config: Config, what: What, known: Collection[Endpoint]) -> list[Check]:
    """Who draws, or transcribes. That nobody does is no fault: few teams need it."""
    try:
        use = service(config, what)
    except ConfigError as error:
        return [note(what, str(error))]
    found = ok(what, f"{use.model} at {use.endpoint.label} ({config.origin(f'{what}.model')})")
    clear = use.endpoint not in known and _is_clear(use.endpoint)
    return [found, _clear(use.endpoint)] if clear else [found]


def _is_clear(endpoint: Endpoint) -> bool:
    """Whether a key would travel unencrypted to another machine."""
    parts = urlsplit(endpoint.base_url)
    if parts.scheme != "http" or endpoint.key is None or parts.hostname in {None, "localhost"}:
        return False
    try:
        return not ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return True


def _clear(endpoint: Endpoint) -> Check:
    return note("models", f"the key for {endpoint.label} travels unencrypted: use https")


async def _server(endpoint: Endpoint) -> Check:
    """Ask one server what it offers."""
    key = endpoint.key.get_secret_value() if endpoint.key else ""
    answer = await catalogue.ask(endpoint.base_url, key)
    if endpoint.kind == "openrouter" and answer.state == "listed":  # its list is public, its /key is not
        private = await catalogue.ask(endpoint.base_url, key, path="/key")
        answer = private if private.state == "refused" else answer
    return _verdict(endpoint, answer)


def _verdict(endpoint: Endpoint, answer: Catalogue) -> Check:
    if answer.state == "unreachable":
        fix = f"Check the network and the address {endpoint.base_url}"
        return problem("models", f"{endpoint.label} cannot be reached: {answer.detail}", fix)
    if answer.state == "refused":
        fix = f"Put a valid key into {endpoint.key_from}" if endpoint.key else "Set OPENAI_API_KEY to its key"
        return problem("models", f"{endpoint.label} does not accept the key ({answer.detail})", fix)
    if answer.state == "unlisted" and not urlsplit(endpoint.base_url).path.strip("/"):
        where = f"{endpoint.base_url.rstrip('/')}/v1"
        text = f"has no list of models ({answer.detail}). Most addresses end in /v1; is it {where}?"
        return note("models", f"{endpoint.label} {text}")
    count = f"{len(answer.ids)} models" if answer.state == "listed" else f"no list of models: {answer.detail}"
    return ok("models", f"{endpoint.label} answers ({count})")


def _roles(
    config: Config, router: Router, roles: Mapping[str, tuple[Role, str]], env: Mapping[str, str]
) -> Sequence[Check]:
    """For each role the model that will answer, where the choice came from, and its price."""
    checks: list[Check] = []
    for name, (role, file) in roles.items():
        wanted = config.model_of(name) or role.model
        key = "models.pm.default" if name == "pm" else f"models.{name}.model"
        origin = config.origin(key) if config.model_of(name) else file
        try:
            route = router.route(wanted)
            checks += _foreign(f"role {name}", route, env)
        except CodeButlerError as error:
            checks.append(problem(f"role {name}", error.message, error.fix))
            continue
        known = router.price(route.id)
        cost = (
            f"{known.input:g} / {known.output:g} USD per million tokens"
            if known
            else "price unknown: counts 0 USD"
        )
        text = f"{wanted} ({origin}) at {route.endpoint.label}, {cost}"
        checks.append(ok(f"role {name}", text))
        if route.notice:
            checks.append(note(f"role {name}", route.notice))
    return checks


def _together(checks: Sequence[Check]) -> Sequence[Check]:
    """What is the matter with several roles in the same words is said once, at the first of them."""
    areas: dict[Check, list[str]] = {}
    for check in checks:
        same = check if check.state == "ok" else replace(check, area="")
        areas.setdefault(same, []).append(check.area)
    found = []
    for check, (first, *more) in areas.items():
        others = ", ".join(dict.fromkeys(each.removeprefix("role ") for each in more if each != first))
        text = f"{check.text} (and so for {others})" if others else check.text
        found.append(replace(check, area=first, text=text))
    return found


def _foreign(area: str, route: Route, env: Mapping[str, str]) -> Sequence[Check]:
    """Whether litellm will find a key for a model of its own. ModelRefused for one that cannot be sent."""
    if route.endpoint.kind != "litellm" or route.endpoint.key is not None:
        return []
    provider = route.id.removeprefix(LITELLM).partition("/")[0]
    found = keys_of(provider, env)
    if found:
        return [ok(area, f"{', '.join(found)} of the environment is there for {provider}")]
    return [note(area, f"no key for {provider}: right only if it needs none (litellm.{provider}.apiKey)")]
