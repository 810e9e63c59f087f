"""The scenario file: what each role's model says, and what it demands to have been told before.

docs/scenarios.md explains the format to users; the classes below are its definition.
"""

import difflib
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError, model_validator

from codebutler.errors import ConfigError
from codebutler.types import Json

SHIPPED = Path(__file__).resolve().parent / "scenarios"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Regex(_Strict):
    """``{ regex = "…" }``: found anywhere in the text, ``^`` and ``$`` match at lines."""

    regex: str

    @model_validator(mode="after")
    def _compiles(self) -> Self:
        try:
            re.compile(self.regex)
        except re.error as error:
            raise ValueError(f"is not a regular expression: {error}") from error
        return self


_TEXT, _PATTERN = "(text)", "(pattern)"


def _form(value: object) -> str | None:
    return _TEXT if isinstance(value, str) else _PATTERN if isinstance(value, dict | Regex) else None


Wanted: TypeAlias = Annotated[
    Annotated[str, Tag(_TEXT)] | Annotated[Regex, Tag(_PATTERN)],
    Discriminator(
        _form,
        custom_error_type="wanted",
        custom_error_message='must be a text or { regex = "…" }',
    ),
]
"""A plain string must occur as it stands."""


def occurs(wanted: Wanted, text: str) -> bool:
    """Whether ``wanted`` is found in ``text``."""
    if isinstance(wanted, str):
        return wanted in text
    return re.search(wanted.regex, text, re.MULTILINE) is not None


class Call(_Strict):
    """One tool call. ``garbage`` is sent raw instead of ``arguments``."""

    name: str
    arguments: Json = {}
    garbage: str | None = None

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if self.garbage is not None and self.arguments:
            raise ValueError("has both arguments and garbage; give one")
        return self


class TokenCount(_Strict):
    """The usage that the server reports. ``cost`` is US dollars, sent only when given."""

    input: int = Field(0, ge=0)
    output: int = Field(0, ge=0)
    cached: int = Field(0, ge=0)
    cost: float | None = Field(None, ge=0)


class Price(_Strict):
    """US dollars for a million tokens; the server then states each call's cost, as OpenRouter does."""

    input: float = Field(ge=0)
    output: float = Field(ge=0)
    cached: float | None = Field(None, ge=0)
    """Not given: cached tokens cost as much as the others."""


class _Demands(_Strict):
    expect: list[Wanted] = []
    """Each must occur in what came since the model's previous message."""
    expect_not: list[Wanted] = []


class _Answer(_Strict):
    text: str = ""
    calls: list[Call] = []
    usage: TokenCount | None = None
    """Not given: the server counts four characters as a token."""


class Alternative(_Demands, _Answer):
    """Another accepted state of the conversation, tried when the step's own demands are not met.

    Without an answer of its own the step's answer is given. With ``stay`` the script does not move on:
    the calls are made, and what they bring is judged by the same step again.
    """

    stay: bool = False

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if not self.expect and not self.expect_not:
            raise ValueError("accepts everything; give it an expect")
        if self.stay and not self.calls:
            raise ValueError("has stay but no calls; only tool calls can be a detour")
        return self


class Step(_Demands, _Answer):
    """One answer of the model, and what must have come before it."""

    expect_tools: list[str] = []
    """Tools that must be on offer; ``!name`` must not be."""
    expect_prompt: list[Wanted] = []
    """Each must occur in the system prompt."""
    alternative: list[Alternative] = []
    empty: bool = False
    status: int | None = Field(None, ge=400, le=599)
    body: str = ""
    """The error's body, raw; not given: an error in OpenAI's form."""
    retry_after: float | None = Field(None, ge=0)
    delay: float = Field(0, ge=0)
    """Seconds before the first byte."""
    pace: float = Field(0, ge=0)
    """Seconds between streamed pieces."""
    cut: int | None = Field(None, ge=0)
    """The connection breaks after so many bytes of the body."""
    times: int | None = Field(None, ge=1)
    """The faults (empty, status, delay, cut) hit only the first so many requests for this step."""

    @model_validator(mode="after")
    def _answers(self) -> Self:
        if not (self.text or self.calls or self.empty or self.status):
            raise ValueError("has no answer; give it text, calls, status or empty")
        if self.times and not (self.text or self.calls):
            raise ValueError("has times but no answer for afterwards; give it text or calls")
        if (self.status or self.empty) and (self.text or self.calls) and not self.times:
            raise ValueError("has an answer that is never given; say how many times it fails before")
        return self


class Script(_Strict):
    """What one role says, in order. ``match``: only in conversations whose first user message has this."""

    role: str
    match: Wanted = ""
    steps: list[Step] = Field(min_length=1)


class Scenario(_Strict):
    """A whole scenario file."""

    name: str = "scenario"
    description: str = ""
    roles: dict[str, Regex] = {}
    """Recognises a role by its system prompt, for clients that do not name it."""
    price: Price | None = None
    window: int | None = Field(default=None, ge=1_000)
    """Tokens of context that the server's list of models tells, to try how roles do in a small one."""
    sees: bool = False
    """Whether that list says that the models take pictures."""
    scripts: list[Script] = Field(min_length=1)

    def role_names(self) -> list[str]:
        """The roles that have a script, in the file's order."""
        return list(dict.fromkeys(s.role for s in self.scripts))

    def label(self, script: Script) -> str:
        """``coder`` for a role's first script, ``coder#2`` for its second."""
        mine = [s for s in self.scripts if s.role == script.role]
        number = next(i for i, s in enumerate(mine, 1) if s is script)
        return script.role if number == 1 else f"{script.role}#{number}"


def shipped() -> list[str]:
    """The names of the scenarios that come with CodeButler."""
    return sorted(p.stem for p in SHIPPED.glob("*.toml"))


def load_scenario(source: str | Path) -> Scenario:
    """The scenario in a file, or a shipped one by name. Raises ConfigError naming file, place and fix."""
    path = Path(source)
    if str(source) in shipped() and not path.is_file():
        path = SHIPPED / f"{source}.toml"
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigError(
            f"scenario {source}: cannot be read: {reason}",
            fix=f"Give the path of a .toml file, or one of: {', '.join(shipped())}.",
        ) from error
    return parse_scenario(text, name=path.name)


def parse_scenario(text: str, *, name: str = "scenario") -> Scenario:
    """The scenario in ``text``; ``name`` is used in messages unless the text has its own."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"scenario {name}: is not TOML: {error}", fix="Mend the file there.") from error
    try:
        return Scenario.model_validate({"name": name, **raw})
    except ValidationError as error:
        what = f"scenario {name}: {explain(error, _KEYS)}"
        raise ConfigError(what, fix="See docs/scenarios.md.") from error


_KEYS: dict[str, type[BaseModel]] = {
    "": Scenario,
    "scripts": Script,
    "steps": Step,
    "calls": Call,
    "usage": TokenCount,
    "price": Price,
    "alternative": Alternative,
}


def explain(found: ValidationError, keys: Mapping[str, type[BaseModel]]) -> str:
    """The first thing that is wrong with a file, and where. ``keys``: the shape of each table, by its key."""
    errors = found.errors(include_url=False, include_input=False)
    # A mistyped key often makes another one missing: the typo is what to tell.
    error = next((e for e in errors if e["type"] == "extra_forbidden"), errors[0])
    # pydantic puts the union's tags into the place; nobody wrote those into the file.
    loc = [p for p in error["loc"] if p not in {_TEXT, _PATTERN}]
    place = "".join(f"[{p + 1}]" if isinstance(p, int) else f".{p}" for p in loc).lstrip(".")
    if error["type"] == "extra_forbidden":
        parents = [p for p in loc[:-1] if isinstance(p, str)]
        known = list(keys.get(parents[-1] if parents else "", Regex).model_fields)
        near = difflib.get_close_matches(str(loc[-1]), known, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(known)}"
        return f"{place}: unknown key ({hint})"
    message = error["msg"].removeprefix("Value error, ")
    return f"{place}: {message}" if place else message
