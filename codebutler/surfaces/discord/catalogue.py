"""The slash command's shape, made from the registry of commands: one subcommand each, typed options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, get_args

from codebutler.commands.builtin import REGISTRY, ROLES
from codebutler.commands.registry import Definition
from codebutler.surfaces.discord.calls import DiscordRefused
from codebutler.types import Json

if TYPE_CHECKING:
    from codebutler.surfaces.discord.link import Link

SUB, GROUP, STRING, INTEGER, USER, ROLE, NUMBER = 1, 2, 3, 4, 6, 8, 10
HAND_OVER = "Hand to CodeButler"
"""The entry in a message's own menu."""
COMPLETED = frozenset({"model", "task", "provider"})
"""Options whose values are offered while they are typed."""
MORE, SERVER = "thread", "server"
"""Groups: a command holds 25 of its own at most."""
DIRECT = frozenset({"approve", "cancel", "help", "memory", "merge", "model", "rewind", "status", "usage"})
"""Commands of the registry that stand directly below ours; the others are in the group ``thread``."""
BOUND = frozenset({"plan", "pr"})
"""Arguments that buttons give: nobody types a hash."""
ABOUT = 100
_WORDS: Mapping[str, str] = {
    "decision": "yes, no, keep 1, remove 2, edit 1: …, add: …, revert ITEM",
    "model": "A name of the role's pool, or a model id.",
    "point": "The point's number; rewind without one lists them.",
    "request": "What is to be done.",
    "usd": "Dollars.",
    "what": "What it got wrong.",
    "words": "What to do next.",
}


def _option(kind: int, name: str, about: str = "", *, required: bool = True, **more: object) -> Json:
    about = about or _WORDS.get(name) or f"{name.capitalize()}."
    completed = {"autocomplete": True} if name in COMPLETED else {}
    return {"type": kind, "name": name, "description": about, "required": required, **completed, **more}


def _roles(about: str, *, required: bool) -> Json:
    choices = [{"name": role, "value": role} for role in ROLES]
    return _option(STRING, "role", about, required=required, choices=choices)


_TASK = _option(STRING, "task", "Which thread, by its id; without one, this one.", required=False)
_THIS = {**_TASK, "required": True}
_URL = _option(STRING, "issue", "The issue's address.")
_CAPS = ("thread", "person", "day", "tokens")
_WHICH = _option(
    STRING, "cap", "Which: of a thread, a person's day, a day here, or a thread's tokens.",
    choices=[{"name": cap, "value": cap} for cap in _CAPS],
)  # fmt: skip
OWN: tuple[tuple[str, str, list[Json]], ...] = (
    ("new", "Open a thread with a request.", [_option(STRING, "request")]),
    ("plan", "Open a thread that plans what an issue asks for.", [_URL]),
    ("implement", "Open a thread that does what an issue asks for, once its plan is approved.", [_URL]),
    ("threads", "The open threads.", []),
    ("logs", "A thread's log as a file.", [
        _TASK, _option(INTEGER, "page", "The page; 1 is the newest.", required=False, min_value=1),
    ]),
    ("link", "Say who you are at GitHub; bare, it shows it.", [
        _option(STRING, "name", "Your name at GitHub.", required=False),
    ]),
    ("link-user", "Say who somebody is at GitHub (admins).", [
        _option(STRING, "name", "The name at GitHub."), _option(USER, "user", "Who it is here."),
    ]),
    ("cleanup", "Put folders of idle threads away; branches stay (admins).", [
        _option(NUMBER, "days", "Idle for so many days; 7 if you do not say.", required=False, min_value=0),
    ]),
    ("close", "Merge what is there, or stop, and close the thread.", [_TASK]),
    ("status-all", "Every open thread (admins).", []),
    ("set-model", "The model of a role on this server (admins).", [
        _roles("Whose model.", required=True),
        _option(STRING, "model", "A model id; without one, the host's.", required=False),
    ]),
    ("set-provider", "The provider of this server's models (admins).", [
        _option(STRING, "provider", "Its name; without one, the host's.", required=False),
    ]),
    ("set-max-runs", "How many Coders may work for this server at once (admins).", [
        _option(INTEGER, "runs", "How many; without one, the host's limit.", required=False, min_value=1),
    ]),
    ("raise-cap", "Allow a thread more dollars (admins).", [
        _option(NUMBER, "usd", min_value=0.01, max_value=1000), _TASK,
    ]),
)  # fmt: skip
"""What this door adds to the registry's commands."""
GROUPED: Mapping[str, tuple[tuple[str, str, list[Json]], ...]] = {
    MORE: (("follow", "Show a thread of another door here, too.", [_THIS]),),
    SERVER: (
        ("settings", "What holds on this server, and where it comes from (admins).", []),
        ("cap", "A cap of this server, below the host's (admins).", [
            _WHICH,
            _option(NUMBER, "amount", "Dollars, or tokens; without one, the host's.", required=False,
                    min_value=0),
        ]),
        ("role", "Let only people with this role in, or no longer (admins).", [
            _option(ROLE, "role", "The role."),
        ]),
        ("retention", "How long logs of closed threads are kept (admins).", [
            _option(INTEGER, "days", "Days; without a number, the host's.", required=False, min_value=1),
        ]),
    ),
}  # fmt: skip
ALIASED = ("plan", "implement", "status", "link", "cancel", "logs", "link-user", "cleanup", "status-all")
"""What has another name, too, by the configured prefix."""
FOLDED = frozenset({"cleanup", "link", "points", "threads", *ROLES})
"""Commands without one of their own here: ``rewind`` alone lists points, ``model`` takes the role."""


async def register(link: Link, guilds: Sequence[str] = ()) -> None:
    """Tell Discord of the commands: ``guilds`` (none named: all) at once, or the world within the hour."""
    settings, application = link.settings, await link.application()
    body = commands(settings.command, settings.alias_prefix)
    world = f"/applications/{application}/commands"
    if not guilds:
        guilds = [settings.guild_id] if settings.guild_id else await link.guilds()
    for guild in guilds:
        path = f"/applications/{application}/guilds/{guild}/commands"
        try:
            await (_forget(link, path) if settings.global_commands else _put(link, path, body))
            link.troubles.mended(f"commands {guild}")
        except DiscordRefused as error:
            words = f"Discord takes no commands for the guild {guild}: {error}."
            await link.troubles.hit(f"commands {guild}", f"{words} Invite the bot with a new link.")
    await (_put(link, world, body) if settings.global_commands else _forget(link, world))


async def _forget(link: Link, path: str) -> None:
    """Take away what was made there under other settings: it would show twice."""
    try:
        if any(each.get("name") == link.settings.command for each in await link.calls.call("GET", path)):
            await _put(link, path, [])
    except DiscordRefused as error:
        link.log.info("commands at %s cannot be read: %s", path, error)


async def _put(link: Link, path: str, body: list[Json]) -> None:
    await link.calls.call("PUT", path, body=body)


def commands(name: str, prefix: str) -> list[Json]:
    """What Discord is told: one command with all below it, a message's menu entry, and other names."""
    subs = [_sub(*each) for each in OWN]
    groups = {group: [_sub(*each) for each in own] for group, own in GROUPED.items()}
    for definition in REGISTRY.definitions:
        if definition.name not in FOLDED:
            (subs if definition.name in DIRECT else groups[MORE]).append(_of(definition))
    about = {MORE: "More for a thread.", SERVER: "What holds on this server (admins)."}
    subs += [
        {"type": GROUP, "name": group, "description": about[group], "options": inner}
        for group, inner in groups.items()
    ]
    named = {sub["name"]: sub for sub in subs}
    main = _top(name, "A team of roles that answers, plans, writes and ships.", subs)
    others = [
        _top(f"{prefix}{of}", named[of]["description"], named[of]["options"])
        for of in (ALIASED if prefix else ())
        if of in named and f"{prefix}{of}" != name
    ]
    return [main, *others, {"name": HAND_OVER, "type": 3, "contexts": [0, 1], "integration_types": [0]}]


def _top(name: str, about: str, options: list[Json]) -> Json:
    return {
        "name": name, "type": 1, "description": about, "options": options, "contexts": [0, 1],
        "integration_types": [0],
    }  # fmt: skip


def _sub(name: str, about: str, options: list[Json]) -> Json:
    return {"type": SUB, "name": name, "description": about[:ABOUT], "options": options}


def _of(definition: Definition) -> Json:
    options: list[Json] = []
    for name, info in definition.arguments.model_fields.items():
        if name not in BOUND:
            required = info.is_required() and not definition.bare
            options.append(_option(_type(info.annotation), name, required=required))
    if definition.name == "model":
        options.append(_roles("Whose model; without one, that of the role at work.", required=False))
    if definition.name != "help":
        options.append(_TASK)
    name = "cost" if definition.name == "usage" else definition.name
    return _sub(name, definition.help, options)


def _type(annotation: Any) -> int:  # noqa: ANN401 - any annotation
    kinds = {int: INTEGER, float: NUMBER}
    inner = [kind for kind in get_args(annotation) if kind is not type(None)]
    return kinds.get(inner[0] if inner else annotation, STRING)
