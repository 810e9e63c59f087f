"""Where the configuration comes from: flag > environment > repo file > global file > shipped.

A repo's file is text that strangers may have written: it can set few keys, lower caps but never raise them,
and hold no secret. Every value remembers where it came from.
"""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from pydantic import PrivateAttr, SecretStr

from codebutler.errors import ConfigError
from codebutler.settings import borrowed, builds
from codebutler.settings.files import check, parse_json, read_global, read_repo
from codebutler.settings.keys import (
    KeyPath,
    dotted,
    field_at,
    flatten,
    is_secret,
    leaves,
    nest,
    repo_may_set,
    split,
    within,
)
from codebutler.settings.shape import Settings

Value: TypeAlias = Any
"""What JSON can hold."""

FILE = "config.json"
SHIPPED = "shipped"
MODEL_VARIABLE = "CODEBUTLER_MODEL"
HOME_VARIABLE = "CODEBUTLER_HOME"
ENVIRONMENT: Mapping[str, str] = {
    "OPENROUTER_API_KEY": "openrouter.apiKey",
    "OPENAI_API_KEY": "openai.apiKey",
    "OPENAI_BASE_URL": "openai.baseUrl",
    "SLACK_BOT_TOKEN": "slack.botToken",
    "SLACK_APP_TOKEN": "slack.appToken",
    "SLACK_SIGNING_SECRET": "slack.signingSecret",
    "DISCORD_TOKEN": "discord.token",
    "GH_TOKEN": "github.token",
    "GITHUB_TOKEN": "github.token",
    "GITHUB_API_URL": "github.baseUrl",
    "GITHUB_SERVER_URL": "github.webUrl",
    "GITHUB_WEBHOOK_SECRET": "github.webhookSecret",
    "LINEAR_API_KEY": "linear.apiKey",
    "BRAVE_API_KEY": "web.brave.apiKey",
    "TAVILY_API_KEY": "web.tavily.apiKey",
    "SEARXNG_URL": "web.searxng.baseUrl",
}
"""Environment variable → the key it sets. An empty variable counts as unset."""
UNSAFE_VARIABLE = "CODEBUTLER_UNSAFE_NO_SANDBOX"
"""With the value 1 it sets ``sandbox.tier`` to ``off``."""

_HOME_FIX = f"Set {HOME_VARIABLE} (or --home) to a folder that you can write"
_BUILDS = ("sandbox", "builds")
_STRICTNESS = {"stop": 0, "pause": 1, "cheaper": 2}


class Config(Settings):
    """The settings that hold, with their origins. Made by ``load_config``; never changes."""

    _origins: dict[KeyPath, str] = PrivateAttr(default_factory=dict)
    _notes: tuple[str, ...] = PrivateAttr(default=())
    _override: tuple[str, str] = PrivateAttr(default=("", ""))
    _home: Path = PrivateAttr(default_factory=Path)
    _repo_file: str = PrivateAttr(default="")

    @property
    def home(self) -> Path:
        """The global folder."""
        return self._home

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know of how the values came about, a line each."""
        return self._notes

    @property
    def model_override(self) -> str | None:
        """The one model id for every role, if the host names one (flag ``model`` or CODEBUTLER_MODEL)."""
        return self._override[0] or None

    def model_of(self, role: str) -> str | None:
        """The role's model as configured: override, else ``models``; None leaves it to the role's file."""
        if self.model_override:
            return self.model_override
        if role == "pm":
            return self.models.pm.default
        section = getattr(self.models, role, None)
        return section.model if section is not None else None

    def is_repos(self, origin: str) -> bool:
        """Whether the repo has set what came from ``origin``."""
        return origin == self._repo_file

    def origin(self, key: str) -> str:
        """Where the value of a dotted JSON key came from: a file, a variable, ``flag`` or ``shipped``.

        ``models.<role>.model`` answers for the override too; unknown keys raise KeyError.
        """
        path = split(key)
        field_at(path)
        if self._override[0] and path[0] == "models" and path[-1] in {"model", "default"}:
            return self._override[1]
        return self._origins.get(path, SHIPPED)

    def items(self) -> Iterator[tuple[str, Value, str]]:
        """(dotted key, value, origin) of every leaf; secrets stay wrapped in SecretStr."""
        for path, value in leaves(self):
            yield dotted(path), value, self._origins.get(path, SHIPPED)

    def secrets(self) -> list[str]:
        """Every secret value, for the redactor; of ``Bearer TOKEN`` the token by itself too."""
        found = [v.get_secret_value() for _, v, _ in self.items() if isinstance(v, SecretStr)]
        return [*found, *(each.split(" ", 1)[1] for each in found if each.lower().startswith(_SCHEMES))]


_SCHEMES = ("bearer ", "basic ", "token ")


def home_folder(env: Mapping[str, str] | None = None) -> Path:
    """The global folder: CODEBUTLER_HOME, else ~/.codebutler. It need not exist.

    ConfigError when neither is known: no variable, and the system does not know the user either.
    """
    variables = os.environ if env is None else env
    named = variables.get(HOME_VARIABLE)
    try:
        if named:
            return Path(named).expanduser().absolute()
        user = Path(variables["HOME"]) if variables.get("HOME") else Path.home()
    except RuntimeError as error:
        what = f"{HOME_VARIABLE} is {named}" if named else "HOME is not set"
        raise ConfigError(f"{what}, and the system knows no home of this user", fix=_HOME_FIX) from error
    return user.absolute() / ".codebutler"


def known_secrets(home: str = "") -> list[str]:
    """Every secret of this host that can be read, for an error about a configuration that cannot."""
    values = [
        os.environ[name] for name, key in ENVIRONMENT.items() if name in os.environ and is_secret(split(key))
    ]
    values += borrowed.secrets(os.environ)
    try:
        config = load_config(None, home=Path(home) if home else None, repo_text="")
    except ConfigError:
        return values
    return [*values, *config.secrets()]


def make_home(folder: Path) -> None:
    """Make the global folder, for its owner alone. ConfigError when it cannot be made or written."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except FileExistsError as error:
        raise ConfigError(f"the home {folder} is not a folder", fix=_HOME_FIX) from error
    except OSError as error:
        raise ConfigError(f"the home {folder} cannot be made: {error.strerror}", fix=_HOME_FIX) from error
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise ConfigError(f"the home {folder} cannot be written by this user", fix=_HOME_FIX)


def load_config(
    repo_root: Path | None,
    *,
    home: Path | None = None,
    env: Mapping[str, str] | None = None,
    flags: Mapping[str, Value] | None = None,
    repo_text: str | None = None,
) -> Config:
    """Read and merge all layers. Raises ConfigError naming file, key and fix.

    ``repo_text``: the repo file as its base commit has it ("" = there is none); None reads the checkout's.
    ``flags``: dotted JSON keys, and ``model`` for one model id in every role; None values are left out.
    """
    variables = os.environ if env is None else env
    folder = home or home_folder(variables)
    merge = _Merge()
    global_file = folder / FILE
    text, notes = read_global(global_file)
    merge.notes.extend(notes)
    merge.lay(_file_layer(text, str(global_file)), str(global_file))
    name = f".codebutler/{FILE}" if repo_root is None else str(repo_root / ".codebutler" / FILE)
    checked_out = read_repo(repo_root) if repo_root and repo_text is None else ""
    theirs = checked_out if repo_text is None else repo_text
    merge.lay_repo(_file_layer(theirs, name), name)
    for variable, key in ENVIRONMENT.items():
        if variables.get(variable):
            layer = nest({split(key): variables[variable]})
            check(layer, f"environment variable {variable}")
            merge.lay(layer, variable)
    if variables.get(UNSAFE_VARIABLE) == "1":
        merge.lay({"sandbox": {"tier": "off"}}, UNSAFE_VARIABLE)
    chosen = {k: v for k, v in (flags or {}).items() if v is not None}
    override = (str(chosen.pop("model", "")), "flag")
    if not override[0]:
        override = (variables.get(MODEL_VARIABLE, "").strip(), MODEL_VARIABLE)
    layer = nest({split(k): v for k, v in chosen.items()})
    check(layer, "command line")
    merge.lay(layer, "flag")
    return merge.config(folder, override, name)


def _file_layer(text: str, name: str) -> dict[str, Value]:
    layer = parse_json(text, name)
    check(layer, name)
    return layer


class _Merge:
    """Lays one layer over the other, leaf by leaf."""

    def __init__(self) -> None:
        self.values: dict[KeyPath, Value] = {}
        self.origins: dict[KeyPath, str] = {}
        self.notes: list[str] = []

    def lay(self, layer: Mapping[str, Value], origin: str) -> None:
        for path, value in flatten(layer).items():
            if is_secret(path) and not value:
                continue
            self.values[path] = value
            self.origins[path] = origin

    def lay_repo(self, layer: Mapping[str, Value], origin: str) -> None:
        allowed: dict[KeyPath, Value] = {}
        for path, value in flatten(layer).items():
            if is_secret(path) and not value:
                continue
            _refuse_foreign(path, origin)
            if _is_cap(path) and self._widens(path, value):
                held = self.values.get(path, _shipped(path))
                self.notes.append(
                    f"{origin}: {dotted(path)} = {value!r} is ignored: the host's {held!r} is lower"
                )
                continue
            allowed[path] = self._narrowed(path, value, origin) if path[0] == "access" else value
        self.lay(nest(allowed), origin)

    def _narrowed(self, path: KeyPath, names: Value, origin: str) -> Value:
        """A list of people, held within the host's where the host has set one."""
        if path not in self.values:
            return names
        left = {name: within(name, self.values[path]) for name in names}
        for name, people in left.items():
            if people != [name]:
                how = f"means {', '.join(people)}" if people else "is ignored"
                self.notes.append(f"{origin}: {dotted(path)}: {name} {how}: the host's list is narrower")
        return list(dict.fromkeys(entry for each in left.values() for entry in each))

    def _widens(self, path: KeyPath, value: Value) -> bool:
        held = self.values.get(path, _shipped(path))
        if path[-1] == "onCap":
            return _STRICTNESS[str(value)] > _STRICTNESS[str(held)]
        if held is None:
            return False
        return value is None or value > held

    def config(self, home: Path, override: tuple[str, str], repo_file: str) -> Config:
        config = Config.model_validate_json(json.dumps(nest(self.values)))
        config._origins = self.origins  # noqa: SLF001 - this module makes the record
        config._notes = tuple(self.notes)  # noqa: SLF001
        config._override = override  # noqa: SLF001
        config._home = home  # noqa: SLF001
        config._repo_file = repo_file  # noqa: SLF001
        return config


def _is_cap(path: KeyPath) -> bool:
    return path[0] == "limits" or path[:2] == _BUILDS


def _shipped(path: KeyPath) -> Value:
    if path[:2] == _BUILDS:
        shipped = builds.SHIPPED.get(path[2])
        return shipped.at_once if shipped else builds.AT_ONCE
    return field_at(path).get_default(call_default_factory=True)


def _refuse_foreign(path: KeyPath, origin: str) -> None:
    """ConfigError when a repo's file holds what is the host's alone."""
    if repo_may_set(path):
        return
    variable = next((v for v, key in ENVIRONMENT.items() if key == dotted(path)), "")
    place = f"the global {FILE}" + (f" or {variable}" if variable else "")
    if is_secret(path):
        raise ConfigError(
            f"{origin}: {dotted(path)} is a secret and must not stand in a repo",
            fix=f"Put it into {place}; renew it first if it was ever committed, for git keeps that",
        )
    raise ConfigError(
        f"{origin}: {dotted(path)} is the host's to set, not a repo's", fix=f"Move it to {place}"
    )
