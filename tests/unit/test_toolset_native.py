"""The sandboxed tools as models see them: one edit tool each, and few tokens."""

from __future__ import annotations

import json

import pytest

from codebutler.agent.roles import load_role
from codebutler.thread.host import known_tools
from codebutler.toolset import native
from codebutler.toolset.registry import Toolset


@pytest.mark.parametrize(
    ("model", "tool"),
    [
        ("anthropic/claude-opus-4-6", "edit"),
        ("moonshotai/kimi-k2", "edit"),
        ("google/gemini-2.5-pro", "edit"),
        ("mistralai/codestral", "edit"),
        ("openai/gpt-5.1-codex", "apply_patch"),
        ("gpt-4o-mini", "apply_patch"),
        ("openai/o3", "apply_patch"),
        ("openai/o4-mini", "apply_patch"),
        ("openai/codex-mini", "apply_patch"),
        ("scripted", "edit"),
    ],
)
def test_a_model_gets_the_edit_tool_of_its_family(model: str, tool: str) -> None:
    names = native.fitting(load_role("coder").tools, model)
    assert [name for name in names if name in {"edit", "apply_patch"}] == [tool]
    assert set(load_role("coder").tools) - set(names) == {"edit", "apply_patch"} - {tool}


def test_a_role_that_names_one_of_them_keeps_it() -> None:
    assert native.fitting(["read", "apply_patch"], "anthropic/claude-opus-4-6") == ("read", "apply_patch")
    assert native.fitting(["read", "edit"], "openai/gpt-5") == ("read", "edit")


@pytest.mark.parametrize("model", ["anthropic/claude-opus-4-6", "openai/gpt-5"])
def test_the_coders_tools_cost_little(model: str) -> None:
    """Four bytes are about a token."""
    names = native.fitting(load_role("coder").tools, model)
    wire = json.dumps(Toolset.of(names, known_tools()).wire, ensure_ascii=False)
    assert len(wire.encode()) / 4 <= 1500
