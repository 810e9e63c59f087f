"""Whether a Coder's own tests passed: the last command that runs tests says so."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from codebutler.agent.frame import Frame

_TESTS = re.compile(
    r"\b(?:pytest|unittest|tox|nox|jest|vitest|mocha|rspec|phpunit|ctest|nextest|cmd/test|run[-_]?tests?)\b"
    r"|\b(?:npm|pnpm|yarn|bun|deno|go|cargo|make|mix|dotnet|swift|mvn|gradle|gradlew|rake|bazel|just|task)"
    r"\s+(?:[\w:./-]+\s+)*?(?:run\s+)?(?:test|check)s?\b"
)
_FAILED = re.compile(r"^\[(?:exit code \d+|stopped: .*)\]$", re.MULTILINE)
_END = 300
"""Characters of a result in which its ending stands."""


def failing_tests(frame: Frame, steps: Mapping[str, str]) -> str:
    """The command with which a run's tests failed last; "" when they passed, or none were run.

    ``steps``: what the engine ran once the role was done (``state.steps_done``), which comes after its own.
    """
    commands: dict[str, str] = {}
    failed = ""
    for message in frame.messages:
        for call in message.get("tool_calls") or ():
            command = _command(call["function"])
            if _TESTS.search(command):
                commands[call["id"]] = command
        command = commands.get(str(message.get("tool_call_id", "")), "")
        if command and isinstance(content := message.get("content"), str):
            failed = command if _FAILED.search(content[-_END:]) else ""
    for key, what in steps.items():
        how, _, command = what.partition(": ")
        command = command.strip("`")
        if key.endswith(f":{frame.id}") and _TESTS.search(command):
            failed = "" if how == "passed" else command if how == "failed twice" else failed
    return failed


def _command(function: dict[str, str]) -> str:
    if function.get("name") != "bash":
        return ""
    try:
        given = json.loads(function.get("arguments") or "{}")
    except ValueError:
        return ""
    command = given.get("command") if isinstance(given, dict) else None
    return command if isinstance(command, str) else ""
