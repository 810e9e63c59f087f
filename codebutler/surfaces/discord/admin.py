"""Settings of a server, shown and changed by its admins. What is not set is the host's: none goes beyond."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from pydantic import ValidationError

from codebutler.dollars import exact
from codebutler.settings.house import House, lower
from codebutler.surfaces.discord.office import WORKERS, Office, place
from codebutler.text import fit

if TYPE_CHECKING:
    from codebutler.surfaces.discord.doing import Doing
    from codebutler.surfaces.discord.hearing import Hearing

Options: TypeAlias = dict[str, Any]
Setting: TypeAlias = Callable[[Office, House, Options], "tuple[dict[str, Any], str]"]
"""What changes, and what to say: with no change, why not."""
ADMINS = "That is for admins: whoever manages this server, and whom `discord.admins` or `adminRoles` names."
HERE = "These are settings of a server: type it in one."
CAPS: Mapping[str, tuple[str, str]] = {
    "thread": ("usd_per_thread", "One thread's dollars"),
    "person": ("usd_per_person_per_day", "One person's dollars a day"),
    "day": ("usd_per_day", "All dollars of a day here"),
    "tokens": ("tokens_per_thread", "One thread's tokens"),
}


STEP = "It counts from each thread's next step on"


async def changed(doing: Doing, door: Hearing, name: str, options: Options) -> str:
    """Do it; returns what to tell the person."""
    if not (await doing.person(door)).admin:
        return ADMINS
    if not doing.guild:
        return HERE
    office = door.office
    house = await office.house(doing.guild)
    if name == "settings":
        return shown(office, house)
    changes, words = SETTINGS[name](office, house, {**options, "guild": doing.guild})
    if not changes:
        return words
    try:
        await office.houses.change(place(doing.guild), **changes)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        return f"That cannot be set: {first['msg']}. Nothing was changed."
    when = "It counts from the next daily look on" if name == "retention" else STEP
    return f"{words} {when}."


def _model(office: Office, house: House, options: Options) -> tuple[dict[str, Any], str]:
    role, model = str(options.get("role")), str(options.get("model") or "").strip()
    others = {r: m for r, m in house.models.items() if r != role}
    if office.config.model_override:
        return {}, f"The host uses {office.config.model_override} for every role: nothing was changed."
    if role not in WORKERS:
        return {}, f"There is no role {fit(role, 40)}."
    if not model:
        return {"models": others}, f"The {role}'s model is the host's again: {office.model(role)}."
    if any(c.isspace() or not c.isprintable() for c in model) or len(model) > 200:
        return {}, "That is no model's id: nothing was changed."
    pool = {name.partition(" ")[0]: full for name, full in office.models()}
    model = pool.get(model, model)
    if (near := office.router.unlisted(model)) is not None:
        like = f" It has {', '.join(near)}." if near else ""
        return {}, f"The model server does not have {model}: nothing was changed.{like}"
    return {"models": {**others, role: model}}, f"The {role} now uses {model} here."


def _provider(office: Office, _house: House, options: Options) -> tuple[dict[str, Any], str]:
    name, known = str(options.get("provider") or "").strip(), office.providers()
    if not name:
        return {"provider": None}, "Models go where the host sends them again."
    if name not in known:
        names = ", ".join(known) or "none, so there is nothing to choose"
        return {}, f"The host knows no provider {fit(name, 60)!r} (`providers` in its config.json): {names}."
    return {"provider": name}, f"Models go through {name} here."


def _runs(office: Office, _house: House, options: Options) -> tuple[dict[str, Any], str]:
    most, runs = office.config.limits.max_concurrent_threads, options.get("runs")
    if runs is None:
        return {"max_runs": None}, f"The host's limit holds again: {most} Coders at once."
    if int(runs) > most:
        return {}, f"The host lets {most} Coders work at once: a server may have fewer, not more."
    return {"max_runs": int(runs)}, f"{runs} Coder{'s' if int(runs) != 1 else ''} may work at once here."


def _cap(office: Office, _house: House, options: Options) -> tuple[dict[str, Any], str]:
    name, about = CAPS[str(options.get("cap"))]
    amount, most = options.get("amount"), getattr(office.config.limits, name)
    if amount is None:
        return {name: None}, f"{about}: the host's cap holds again, {_amount(name, most)}."
    amount = int(amount) if name == "tokens_per_thread" else float(amount)
    if most is not None and amount > most:
        return {}, f"The host's cap is {_amount(name, most)}: a server may have a lower one, not a higher."
    return {name: amount}, f"{about}: {_amount(name, amount)} at most here."


def _role(_office: Office, house: House, options: Options) -> tuple[dict[str, Any], str]:
    role = str(options.get("role"))
    if role == options["guild"]:  # @everyone: nobody's list of roles has it
        return {"roles": []}, "Whoever the host lets in may use me here: no role is asked for."
    if role in house.roles:
        left = [r for r in house.roles if r != role]
        rest = "" if left else " Whoever the host lets in may use me here."
        return {"roles": left}, f"<@&{role}> is off the list.{rest}"
    return {"roles": [*house.roles, role]}, f"<@&{role}> may use me here; who has no listed role may not."


def _retention(office: Office, _house: House, options: Options) -> tuple[dict[str, Any], str]:
    days, most = options.get("days"), office.config.retention.logs_days
    if days is None:
        return {"logs_days": None}, "Logs are kept as long as the host says again."
    if most is not None and int(days) > most:
        return {}, f"The host keeps logs for {most} days: a server may keep them shorter, not longer."
    return {"logs_days": int(days)}, f"Logs of threads that are closed are kept for {days} days here."


SETTINGS: Mapping[str, Setting] = {
    "set-model": _model, "set-provider": _provider, "set-max-runs": _runs, "cap": _cap, "role": _role,
    "retention": _retention,
}  # fmt: skip
COMMANDS = frozenset({*SETTINGS, "settings"})


def shown(office: Office, house: House) -> str:
    """Every setting, its value, and whose it is."""
    rows: list[tuple[str, str, bool]] = []
    for role in WORKERS:
        given = office.model(role)
        ours = given if office.config.model_override else house.model_of(role, given)
        rows.append((f"model of the {role}", ours, ours != given))
    rows.append(("provider", house.provider or "as configured", house.provider is not None))
    for name, about in CAPS.values():
        ours, hosts = getattr(house, name), getattr(office.config.limits, name)
        rows.append((about.lower(), _amount(name, lower(ours, hosts)), ours is not None))
    limits, kept = office.config.limits, office.config.retention
    rows.append(
        ("coders at once", f"{house.max_runs or limits.max_concurrent_threads}", house.max_runs is not None)
    )
    days = house.logs_days or kept.logs_days
    rows.append(("days that logs are kept", str(days or "for ever"), house.logs_days is not None))
    wide = max(len(name) for name, _, _ in rows)
    lines = [f"{name:<{wide}}  {value}{'' if ours else '  (host)'}" for name, value, ours in rows]
    who = ", ".join(f"<@&{role}>" for role in house.roles) or "whoever the host lets in"
    return "\n".join(["What holds on this server:", "```", *lines, "```", f"Who may use me: {who}"])


def _amount(name: str, value: float | None) -> str:
    if value is None:
        return "no cap"
    return f"{int(value):,} tokens" if name == "tokens_per_thread" else exact(value)
