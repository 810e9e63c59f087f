"""Which model a role uses, shown and changed: ``/pm claude``, ``/coder``, ``/model``."""

from __future__ import annotations

from collections.abc import Mapping

from codebutler.errors import ConfigError
from codebutler.thread.thread import Thread

NAMED = 8
"""Models of the server that are named."""
LONGEST = 120
"""Characters of a model's id: no provider's is as long, and it stands in every request and card."""


def shown(thread: Thread, role: str) -> str:
    """What a role uses now, and what it may use instead."""
    title, names = thread.role(role).title, thread.names(thread.role(role))
    using = f"The {title} uses {thread.candidates(thread.role(role))[0]}."
    there = {name: model for name, model in names.items() if thread.host.router.unlisted(model) is None}
    if names and not there:
        return f"{using} **/{role} NAME** changes it, NAME a model's full id.{_offered(thread)}"
    return f"{using} **/{role} NAME** changes it, NAME one of {_listed(there)}, or a full model id."


def away(thread: Thread, role: str = "") -> list[str]:
    """Models that no thread of this process can reach at present, a line each: a role's own, or all."""
    own = thread.candidates(thread.role(role)) if role else None
    return [thread.redact(line) for line in thread.breaker.away(own)]


def changed(thread: Thread, role: str, model: str) -> str:
    """What is said of a change; a thread that failed goes on with the new model when somebody says so."""
    further = ' Say **"go"** to go on.' if thread.state.halted == "failed" else ""
    return f"The {thread.role(role).title} now uses {model}.{_overruled(thread, role, model)}{further}"


def _overruled(thread: Thread, role: str, model: str) -> str:
    """Which cheaper model ``limits.onCap`` has asked in its place, if any, and what ends that."""
    models = thread.host.router.candidates(thread.role(role), model)
    first = thread.saving(thread.role(role), models)[0]
    if first == models[0]:
        return ""
    why = "most of this thread's cap is used" if thread.is_saving() else "a call of another did not fit"
    way = ' **"raise 1"** ends that.' if thread.is_saving() else ""
    return f" But `limits.onCap` is `cheaper`, and {why}: {first} is asked first.{way}"


async def chosen(thread: Thread, role: str, wish: str) -> tuple[str, str]:
    """(the model that a person's words name, what is wrong with them): one of the two is ""."""
    names, router = thread.names(thread.role(role)), thread.host.router
    model = names.get(wish) or {name.casefold(): each for name, each in names.items()}.get(
        wish.casefold(), wish
    )
    if router.needs_learning(model):
        await router.learn()
    odd = any(c.isspace() for c in model) or not model.isprintable() or len(model) > LONGEST
    if model not in names.values() and (odd or not _known(thread, model)):
        pool = f"{thread.role(role).title}'s pool: {_listed(names)}"
        return "", f"No model {wish[:LONGEST]!r} in the {pool}. A full model id works, too."
    try:
        router.route(model, telling=False)
    except ConfigError as error:
        return "", f"{error.message}: nothing was changed. {error.fix}."
    near = router.unlisted(model)
    if near is None:
        return model, ""
    like = f" It has {', '.join(near)}." if near else _offered(thread)
    return "", f"The model server does not have {model}: nothing was changed.{like}"


def _offered(thread: Thread) -> str:
    """Some of what the model server has: where no name is near, any is better than none."""
    ids = thread.host.router.offered
    more = f" and {len(ids) - NAMED} more" if len(ids) > NAMED else ""
    return f" Its server has {', '.join(ids[:NAMED])}{more}." if ids else ""


def _known(thread: Thread, model: str) -> bool:
    """Whether an id can be right: it names its vendor, or table or server have it."""
    router = thread.host.router
    return "/" in model or router.price(model) is not None or router.offers(model)


def _listed(names: Mapping[str, str]) -> str:
    return ", ".join(f"{name} ({model})" for name, model in names.items()) or "(it is empty)"
