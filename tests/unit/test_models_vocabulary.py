"""Exact counts for OpenAI's models, from a vocabulary that is at hand and from no other."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from codebutler.config import load_config
from codebutler.models.client import OpenAIClient
from codebutler.models.routing import Router
from codebutler.models.tokens import PER_MESSAGE, Sizes
from codebutler.models.vocabulary import FOLDER, Vocabularies
from codebutler.testing.provider import Provider, piece, usage
from codebutler.types import Message

O200K = "fb374d419588a4632f3f557e76b4b70aebbca790"
MINI = "openai/gpt-4o-mini"
TEXT = "Der Donaudampfschifffahrtsgesellschaftskapitän zählt: 1, 2, 3."
ASK: list[Message] = [{"role": "user", "content": TEXT * 50}]


@pytest.fixture
def folder() -> Path:
    """The vocabularies that come with litellm, which is not imported for it."""
    found = importlib.util.find_spec("litellm")
    if found is None or found.origin is None:
        pytest.skip("the litellm extra, which brings the vocabulary along, is not installed")
    return Path(found.origin).parent / "litellm_core_utils" / "tokenizers"


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[OpenAIClient]:
    async with Provider.run() as server:
        server.handler = Provider.events(piece(content="x", finish="stop"), usage(2_000, 1))
        env = {"OPENAI_BASE_URL": server.url, "CODEBUTLER_MODEL": MINI}
        client = OpenAIClient(Router(load_config(None, home=tmp_path, env=env)))
        yield client
        await client.close()


async def test_with_it_openais_models_are_counted_and_others_are_not(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FOLDER, str(folder))
    known = Vocabularies()
    for model in (MINI, "gpt-4.1", "litellm/openai/gpt-5", "openai/gpt-4o:extended", "gpt-4"):
        await known.load(model)
        count = known.count(model)
        assert count is not None, model
        assert count("hello world") == 2
        assert count("<|endoftext|> \ud800") > 2, "what looks special is text, and half a pair is no error"
    for model in ("moonshotai/kimi-k2", "anthropic/claude-sonnet-4-5", "lab/gpt-4o", "openai/whatever", ""):
        await known.load(model)
        assert known.count(model) is None, model


async def test_the_clients_estimate_uses_it_and_goes_on_learning(
    client: OpenAIClient, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FOLDER, str(folder))
    assert client.estimate(MINI, ASK) == Sizes().estimate(ASK)
    for _ in range(2):
        await client.complete(model=MINI, messages=ASK, tools=[], max_output=9, role="pm")
    count = client._vocabularies.count(MINI)
    assert count is not None
    exact = PER_MESSAGE + count("user") + count(TEXT * 50)
    assert exact != Sizes().estimate(ASK)
    assert exact < client.estimate(MINI, ASK) <= 2_000


@pytest.mark.parametrize("found", ["nothing", "half"])
async def test_without_a_whole_one_nothing_changes_and_nothing_is_fetched(
    client: OpenAIClient, folder: Path, found: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FOLDER, str(tmp_path))
    if found == "half":
        shutil.copy(folder / O200K, tmp_path / O200K)
        with (tmp_path / O200K).open("r+b") as file:
            file.truncate(1_000_000)
    before = sorted(p.name for p in tmp_path.iterdir())
    await client.complete(model=MINI, messages=ASK, tools=[], max_output=9, role="pm")
    assert client._vocabularies.count(MINI) is None
    assert sorted(p.name for p in tmp_path.iterdir()) == before
