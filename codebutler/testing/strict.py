"""What a strict provider refuses. Some let these pass, so a client that sends them works only by luck."""

from __future__ import annotations

import re
from typing import Any

from codebutler.types import Json, Message

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_ROLES = ("system", "developer", "user", "assistant", "tool")


def fault(body: Any) -> str:  # noqa: ANN401 - whatever JSON came in
    """What is wrong with a chat completion request, in one line; "" when it is fine."""
    if not isinstance(body, dict):
        return "the body must be a JSON object"
    if not isinstance(body.get("model"), str) or not body["model"]:
        return "model must be a non-empty string"
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        return "messages must be a non-empty list"
    if not isinstance(body.get("stream_options") or {}, dict):
        return "stream_options must be an object"
    return _tools_fault(body) or _messages_fault(messages)


def _tools_fault(body: Json) -> str:
    tools = body.get("tools", [])
    if not isinstance(tools, list):
        return "tools must be a list"
    if "tools" in body and not tools:
        return "tools must not be an empty list: leave it out"
    seen: set[str] = set()
    for i, tool in enumerate(tools):
        function = tool.get("function") if isinstance(tool, dict) and tool.get("type") == "function" else None
        if not isinstance(function, dict):
            return f"tools[{i}] must be a function"
        name = function.get("name")
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            return f"tools[{i}].function.name is {name!r}: 1 to 64 letters, digits, _ or -"
        if name in seen:
            return f"tools[{i}].function.name {name!r} is there twice"
        if not isinstance(function.get("parameters", {}), dict):
            return f"tools[{i}].function.parameters must be a JSON schema object"
        seen.add(name)
    return ""


def _messages_fault(messages: list[Any]) -> str:
    open_calls: list[str] = []
    for i, message in enumerate(messages):
        if not isinstance(message, dict) or message.get("role") not in _ROLES:
            return f"messages[{i}].role must be one of {', '.join(_ROLES)}"
        if message["role"] == "tool":
            answered = message.get("tool_call_id")
            if answered not in open_calls:
                return f"messages[{i}] answers the tool call {answered!r}, which is not open"
            open_calls.remove(answered)
        elif open_calls:
            return f"messages[{i}] comes before the tool calls {', '.join(open_calls)} have been answered"
        wrong = _content_fault(message)
        if wrong:
            return f"messages[{i}] ({message['role']}) {wrong}"
        open_calls += [c["id"] for c in message.get("tool_calls") or []]
    if open_calls:
        return f"the tool calls {', '.join(open_calls)} have not been answered"
    if messages[-1]["role"] == "assistant":
        return "the last message is the assistant's own: there is nothing to answer"
    return ""


def _content_fault(message: Message) -> str:
    calls = message.get("tool_calls")
    if message["role"] == "assistant" and calls is not None:
        return _calls_fault(calls)
    content = message.get("content")
    if isinstance(content, str):
        return "" if content.strip() else "is empty"
    if not isinstance(content, list) or not content:
        return "has no content"
    ok = all(isinstance(part, dict) and isinstance(part.get("type"), str) for part in content)
    return "" if ok else "has content parts without a type"


def _calls_fault(calls: object) -> str:
    if not isinstance(calls, list) or not calls:
        return "has tool_calls that are not a non-empty list"
    ids: set[str] = set()
    for call in calls:
        function = call.get("function") if isinstance(call, dict) and call.get("type") == "function" else None
        if not isinstance(function, dict) or not isinstance(function.get("arguments"), str):
            return "has a tool call that is not a function with arguments as text"
        name = function.get("name")
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            return f"calls the tool {name!r}: 1 to 64 letters, digits, _ or -"
        if not isinstance(call.get("id"), str) or not call["id"] or call["id"] in ids:
            return "has tool calls without an id of their own"
        ids.add(call["id"])
    return ""


def text_of(message: Message) -> str:
    """All text of a message, be it a string or a list of parts."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    return "\n".join(p["text"] for p in content or [] if isinstance(p.get("text"), str))
