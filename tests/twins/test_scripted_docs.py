"""The example of docs/scenarios.md works as printed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI

from codebutler.testing.sample import make_sample
from codebutler.testing.scenario import SHIPPED, parse_scenario
from codebutler.testing.scripted import ScriptedModel

PAGE = (Path(__file__).parents[2] / "docs/scenarios.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


async def play(server: ScriptedModel, repo: Path, pattern: str) -> str:
    """Two turns of a PM that searches for ``pattern`` whatever the model wants to search for."""
    messages: list[Any] = [
        {"role": "system", "content": (repo / "AGENTS.md").read_text()},
        {"role": "user", "content": "What is the heaviest parcel?"},
    ]
    tools: Any = [{"type": "function", "function": {"name": "grep", "parameters": {}}}]
    async with AsyncOpenAI(base_url=server.url, api_key="none", max_retries=0) as client:
        for _ in range(2):
            answer = await client.chat.completions.create(model="scripted/pm", messages=messages, tools=tools)
            message = answer.choices[0].message
            messages.append(message.model_dump(exclude_none=True))
            for call in message.tool_calls or []:
                lines = (repo / "README.md").read_text().splitlines()
                found = [f"README.md:{n}:{line}" for n, line in enumerate(lines, 1) if pattern in line]
                content = "\n".join(found) or "no match"
                messages.append({"role": "tool", "tool_call_id": call.id, "content": content})
    return str(messages[-1]["content"])


async def test_the_complete_example(tmp_path: Path) -> None:
    sample = make_sample(tmp_path / "s")
    async with ScriptedModel(parse_scenario(blocks("toml")[0])) as server:
        assert await play(server, sample.repo, "limit") == "Exactly 20 kg is still carried, see README.md:18."
        assert server.failures == []
        with pytest.raises(openai.UnprocessableEntityError, match=r"heaviest\.toml, pm step 2"):
            await play(server, sample.repo, "no such text")


def test_the_other_example_is_a_valid_step() -> None:
    parse_scenario('[[scripts]]\nrole = "coder"\n' + blocks("toml")[1])


PLACES = {
    "README.md:18": "still carried",
    "parcelrate/bands.py:15": "bisect_right(",
    "parcelrate/tariff.py:16": "last weight of its band",
    "parcelrate/tariff.py:29": "NATIONAL =",
    "parcelrate/tariff.py:42": "EUROPE =",
    "parcelrate/quote.py:40": "def premium",
    "tests/test_quote.py:14": "Parcel(grams=2000)",
    "tests/test_bands.py:12": "def test_beyond_the_last_limit",
    "CHANGES.md:3": "## Unreleased",
}


def test_line_numbers_that_shipped_scenarios_mention_are_right(tmp_path: Path) -> None:
    repo = make_sample(tmp_path / "s").repo
    for place, text in PLACES.items():
        file, line = place.split(":")
        assert text in (repo / file).read_text().splitlines()[int(line) - 1], place
    mentioned = {
        m for f in SHIPPED.glob("*.toml") for m in re.findall(r"[\w/]+\.(?:py|md):\d+", f.read_text())
    }
    assert mentioned == set(PLACES)
