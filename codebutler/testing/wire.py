"""OpenAI's chat completion JSON: whole, and in pieces as it is streamed."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator

from codebutler.testing.judge import Verdict
from codebutler.testing.scenario import Call
from codebutler.types import Json

_CHARS_PER_TOKEN = 4


def completion(verdict: Verdict, body: Json, *, empty: bool = False) -> Json:
    """The whole answer as one object. ``empty``: a reply with neither text nor calls."""
    text, calls = _parts(verdict, empty=empty)
    message: Json = {"role": "assistant", "content": text or None}
    if calls:
        message["tool_calls"] = calls
    choice = {"index": 0, "message": message, "finish_reason": _finish(calls), "logprobs": None}
    return {**_envelope(verdict, body, "chat.completion"), "choices": [choice], "usage": usage(verdict, body)}


def chunks(verdict: Verdict, body: Json, *, empty: bool = False) -> Iterator[Json]:
    """The same answer as a stream's chunks; usage comes last and only if the request wants it."""
    envelope = _envelope(verdict, body, "chat.completion.chunk")
    text, calls = _parts(verdict, empty=empty)

    def chunk(delta: Json, finish: str | None = None) -> Json:
        return {**envelope, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}

    yield chunk({"role": "assistant", "content": ""})
    for piece in re.findall(r"\s*\S+\s*", text):
        yield chunk({"content": piece})
    for index, call in enumerate(calls):
        arguments = call["function"]["arguments"]
        head = {"index": index, **call, "function": {**call["function"], "arguments": ""}}
        yield chunk({"tool_calls": [head]})
        for piece in _slices(arguments):
            yield chunk({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
    yield chunk({}, _finish(calls))
    if (body.get("stream_options") or {}).get("include_usage"):
        yield {**envelope, "choices": [], "usage": usage(verdict, body)}


def usage(verdict: Verdict, body: Json) -> Json:
    """The tokens of this call: as the scenario says, or counted from the characters."""
    stated = verdict.answer.usage or verdict.step.usage
    counts = _counted(verdict, body) if stated is None else (stated.input, stated.output, stated.cached)
    told: Json = {
        "prompt_tokens": counts[0],
        "completion_tokens": counts[1],
        "total_tokens": counts[0] + counts[1],
        "prompt_tokens_details": {"cached_tokens": counts[2]},
    }
    cost = verdict.price_of(*counts) if stated is None or stated.cost is None else stated.cost
    return told if cost is None else {**told, "cost": cost}


def error(message: str, *, kind: str, code: str | int | None = None) -> Json:
    """An error in OpenAI's form."""
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def models(roles: list[str], window: int | None = None, *, sees: bool = False) -> Json:
    """The model list: one id for all roles, then one per role.

    ``window`` is their context in tokens; models that ``sees`` take pictures.
    """
    ids = ["scripted", *(f"scripted/{r}" for r in roles)]
    row: Json = {"object": "model", "created": 0, "owned_by": "codebutler"}
    row["architecture"] = {"input_modalities": ["text", "image"] if sees else ["text"]}
    if window is not None:
        row["context_length"] = window
    return {"object": "list", "data": [{"id": i, **row} for i in ids]}


def _parts(verdict: Verdict, *, empty: bool) -> tuple[str, list[Json]]:
    if empty:
        return "", []
    calls = [
        {
            "id": verdict.place.call_id(i, detour=verdict.detour),
            "type": "function",
            "function": {"name": c.name, "arguments": _arguments(c)},
        }
        for i, c in enumerate(verdict.answer.calls)
    ]
    return verdict.answer.text, calls


def _arguments(call: Call) -> str:
    return json.dumps(call.arguments, ensure_ascii=False) if call.garbage is None else call.garbage


def _slices(text: str, size: int = 24) -> Iterator[str]:
    return (text[i : i + size] for i in range(0, len(text), size))


def _finish(calls: list[Json]) -> str:
    return "tool_calls" if calls else "stop"


def _envelope(verdict: Verdict, body: Json, kind: str) -> Json:
    place = verdict.place
    return {
        "id": f"chatcmpl-{place.conversation}-{place.label}-{place.turn}",
        "object": kind,
        "created": int(time.time()),
        "model": body["model"],
    }


def _counted(verdict: Verdict, body: Json) -> tuple[int, int, int]:
    """Four characters a token; what the previous request had already sent counts as cached."""
    messages = body["messages"]
    seen = max((i for i, m in enumerate(messages) if m["role"] == "assistant"), default=0)
    fixed = len(json.dumps(body.get("tools", [])))
    sizes = [len(json.dumps(m)) for m in messages]
    said = len(verdict.answer.text) + sum(len(_arguments(c)) + len(c.name) for c in verdict.answer.calls)
    cached = fixed + sum(sizes[:seen]) if seen else 0
    return (
        (fixed + sum(sizes)) // _CHARS_PER_TOKEN,
        max(1, said // _CHARS_PER_TOKEN),
        cached // _CHARS_PER_TOKEN,
    )
