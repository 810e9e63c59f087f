"""The slash command's shape, made from the registry of commands: one subcommand each, typed options."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from codebutler.commands.builtin import REGISTRY, ROLES
from codebutler.commands.registry import Definition
from codebutler.types import Json

if TYPE_CHECKING:
    from codebutler.surfaces.discord.link import Link

SUB, GROUP, STRING, INTEGER, NUMBER = 1, 2, 3, 4, 10
HAND_OVER = "Hand to CodeButler"
"""The entry in a message's own menu."""
COMPLETED = frozenset({"model", "task"})
"""Options whose values are offered while they are typed."""
ABOUT = 100
_TASK: Json = {
    "type": STRING, "name": "task", "description": "Which thread, by its id; without one, this one.",
    "required": False, "autocomplete": True,
}  # fmt: skip
_REQUEST: Json = {"type": STRING, "name": "request", "description": "What is to be done.", "required": True}
_URL: Json = {"type": STRING, "name": "issue", "description": "The issue's address.", "required": True}
OWN: tuple[tuple[str, str, list[Json]], ...] = (
    ("new", "Open a thread with a request.", [_REQUEST]),
    ("plan", "Open a thread that plans what an issue asks for.", [_URL]),
    ("implement", "Open a thread that does what an issue asks for, once its plan is approved.", [_URL]),
    ("logs", "A thread's log as a file.", [{**_TASK, "required": True}]),
    ("close", "Merge what is there, or stop, and close the thread.", [_TASK]),
    ("status-all", "Every open thread (admins).", []),
    ("follow", "Show a thread of another door here, too.", [{**_TASK, "required": True}]),
)
"""What this door adds to the registry's commands."""
FOLDED = frozenset({"points", *ROLES})
"""Commands without one of their own here: ``rewind`` alone lists points, ``model`` takes the role."""


async def register(link: Link) -> None:
    """Tell Discord of the commands: of the configured guild at once, else of all guilds within the hour."""
    application, guild = await link.application(), link.settings.guild_id
    where = f"/guilds/{guild}" if guild else ""
    path, body = f"/applications/{{application}}{where}/commands", commands(link.settings.command)
    await link.calls.call("PUT", path, body=body, application=application)


def commands(name: str) -> list[Json]:
    """What Discord is told: one command with everything below it, and a message's menu entry."""
    subs = [_sub(word, about, options) for word, about, options in OWN]
    subs += [_of(definition) for definition in REGISTRY.definitions if definition.name not in FOLDED]
    about = "A team of roles that answers, plans, writes and ships."
    return [
        {
            "name": name,
            "type": 1,
            "description": about,
            "options": subs,
            "contexts": [0, 1],
            "integration_types": [0],
        },
        {"name": HAND_OVER, "type": 3, "contexts": [0, 1], "integration_types": [0]},
    ]


def _sub(name: str, about: str, options: list[Json]) -> Json:
    return {"type": SUB, "name": name, "description": about[:ABOUT], "options": options}


def _of(definition: Definition) -> Json:
    options: list[Json] = []
    for name, info in definition.arguments.model_fields.items():
        more = {"autocomplete": True} if name in COMPLETED else {}
        options.append(
            {
                "type": _type(info.annotation), "name": name, "description": f"{name.capitalize()}.",
                "required": info.is_required() and not definition.bare, **more,
            }
        )  # fmt: skip
    if definition.name == "model":
        choice = [{"name": role, "value": role} for role in ROLES]
        about = "Whose model; without one, that of the role at work."
        options.append(
            {"type": STRING, "name": "role", "description": about, "required": False, "choices": choice}
        )
    options.append(_TASK)
    name = "cost" if definition.name == "usage" else definition.name
    return _sub(name, definition.help, options)


def _type(annotation: Any) -> int:  # noqa: ANN401 - any annotation
    kinds = {int: INTEGER, float: NUMBER}
    inner = [kind for kind in get_args(annotation) if kind is not type(None)]
    return kinds.get(inner[0] if inner else annotation, STRING)
