"""Which step of which script a request has reached, and whether it brought what the step demands.

All of it is a function of the request alone: after a crash the same request gets the same answer. The
one mark that travels is in the ids of tool calls: a detour's calls do not move the script on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from codebutler.testing.scenario import Alternative, Scenario, Script, Step, Wanted, occurs
from codebutler.testing.strict import text_of
from codebutler.types import Json, Message

_DETOUR = "detour_"
_HEAD = _TAIL = 600


class Mismatch(Exception):
    """The conversation is not what the scenario demands. The message names scenario, role and step."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a request stands. ``turn`` counts the model's messages so far, ``step`` those of the script."""

    script: Script
    label: str
    conversation: str
    """A short hash of the first user message: tells conversations of one role apart."""
    turn: int
    step: int
    scenario: Scenario

    @property
    def name(self) -> str:
        """How messages call this place; people count from 1."""
        return f"scenario {self.scenario.name}, {self.label} step {self.step + 1}"

    def call_id(self, number: int, *, detour: bool) -> str:
        """The id of the answer's call number ``number``: unique in the thread, equal when asked again."""
        label = self.label.replace("#", "-")
        return f"{_DETOUR if detour else 'call_'}{label}_{self.conversation[:6]}_{self.turn}_{number}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer to give: the step's own or that of an alternative."""

    place: Place
    step: Step
    answer: Step | Alternative

    @property
    def detour(self) -> bool:
        """Whether the same step judges what this answer's calls bring."""
        return isinstance(self.answer, Alternative) and self.answer.stay

    def price_of(self, input_: int, output: int, cached: int) -> float | None:
        """US dollars for so many tokens (cached ones are among the input); None without a price."""
        price = self.place.scenario.price
        if price is None:
            return None
        cheap = price.input if price.cached is None else price.cached
        micro = (input_ - cached) * price.input + cached * cheap + output * price.output
        return round(micro / 1e6, 9)


def role_of(scenario: Scenario, header: str, body: Json) -> str:
    """The role that asks: by header, by a model id such as ``scripted/pm``, or by its system prompt."""
    if header:
        return header
    named = str(body["model"]).rsplit("/", 1)[-1]
    if named in scenario.role_names():
        return named
    prompt = system_prompt(body["messages"])
    for role, pattern in scenario.roles.items():
        if occurs(pattern, prompt):
            return role
    raise Mismatch(
        f"scenario {scenario.name}: cannot tell which role asks: no X-CodeButler-Role header, "
        f"the model {body['model']!r} names none of {', '.join(scenario.role_names())}, "
        "and no [roles] pattern fits its system prompt"
    )


def place_of(scenario: Scenario, role: str, messages: Sequence[Message]) -> Place:
    """Where the conversation of ``role`` stands. Raises Mismatch when no script is for it."""
    opening = next((text_of(m) for m in messages if m["role"] == "user"), "")
    script = next((s for s in scenario.scripts if s.role == role and occurs(s.match, opening)), None)
    if script is None:
        raise Mismatch(
            f"scenario {scenario.name}: no script for the role {role!r} fits a conversation that begins: "
            f"{shorten(opening)}"
        )
    own = [m for m in messages if m["role"] == "assistant"]
    return Place(
        script=script,
        label=scenario.label(script),
        conversation=hashlib.sha256(opening.encode()).hexdigest()[:12],
        turn=len(own),
        step=len(own) - sum(map(_is_detour, own)),
        scenario=scenario,
    )


def judge(place: Place, body: Json) -> Verdict:
    """The answer that the scenario has for this request. Raises Mismatch saying what is missing."""
    if place.step >= len(place.script.steps):
        raise Mismatch(
            f"{place.name}: it ends after step {len(place.script.steps)}, but the model is asked again "
            f"with: {shorten(_news(body['messages'])[1])}"
        )
    step = place.script.steps[place.step]
    wrong = _offer_fault(step, body)
    if wrong:
        raise Mismatch(f"{place.name}: {wrong}")
    what, text = _news(body["messages"])
    wrong = _demand_fault(step.expect, step.expect_not, what, text)
    if not wrong:
        return Verdict(place, step, step)
    for other in step.alternative:
        if not _demand_fault(other.expect, other.expect_not, what, text):
            return Verdict(place, step, other if other.text or other.calls else step)
    note = f" (none of the {len(step.alternative)} alternatives fits either)" if step.alternative else ""
    raise Mismatch(f"{place.name}: {wrong}{note}")


def system_prompt(messages: Sequence[Message]) -> str:
    """All system text of a request."""
    return "\n".join(text_of(m) for m in messages if m["role"] in {"system", "developer"})


def shorten(text: str) -> str:
    """Head and tail of ``text``, saying how much was left out between them."""
    if len(text) <= _HEAD + _TAIL + 50:
        return text
    return f"{text[:_HEAD]}\n… {len(text) - _HEAD - _TAIL} characters left out …\n{text[-_TAIL:]}"


def show(wanted: Wanted) -> str:
    """How a demand is named in messages."""
    return repr(wanted) if isinstance(wanted, str) else f"a match of /{wanted.regex}/"


def _is_detour(message: Message) -> bool:
    return any(c["id"].startswith(_DETOUR) for c in message.get("tool_calls") or [])


def _news(messages: Sequence[Message]) -> tuple[str, str]:
    """What came since the model's previous message: how to call it, and its text."""
    last_own = max((i for i, m in enumerate(messages) if m["role"] == "assistant"), default=-1)
    news = [m for m in messages[last_own + 1 :] if m["role"] in {"tool", "user"}]
    results = sum(m["role"] == "tool" for m in news)
    what = (
        "the last message" if not results else "the last tool result" if results == 1 else "the tool results"
    )
    return what, "\n".join(map(text_of, news))


def _demand_fault(expect: Sequence[Wanted], expect_not: Sequence[Wanted], what: str, text: str) -> str:
    for wanted in expect:
        if not occurs(wanted, text):
            return f"{what} must contain {show(wanted)} but it was: {shorten(text)}"
    for unwanted in expect_not:
        if occurs(unwanted, text):
            return f"{what} must not contain {show(unwanted)} but it was: {shorten(text)}"
    return ""


def _offer_fault(step: Step, body: Json) -> str:
    offered = [t["function"]["name"] for t in body.get("tools", [])]
    for name in step.expect_tools:
        if name.startswith("!") and name[1:] in offered:
            return f"the tool {name[1:]!r} must not be on offer"
        if not name.startswith("!") and name not in offered:
            return f"the tool {name!r} must be on offer; there are: {', '.join(offered) or 'none'}"
    prompt = system_prompt(body["messages"])
    for wanted in step.expect_prompt:
        if not occurs(wanted, prompt):
            return f"the system prompt must contain {show(wanted)} but it was: {shorten(prompt)}"
    return ""
