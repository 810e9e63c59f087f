"""Windows and prices as a provider's list has them: they win over our table if they make sense."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from codebutler.config import load_config
from codebutler.models import catalogue
from codebutler.models.prices import price
from codebutler.models.routing import Router
from codebutler.testing.provider import Provider
from codebutler.types import Json

GPT = "openai/gpt-4o-mini"


async def learnt(home: Path, *rows: Any) -> Router:
    """A router that has asked a server which lists ``rows`` and is taken for OpenRouter."""
    async with Provider.run() as server:
        server.models = {"data": list(rows)}
        (home / "config.json").write_text(json.dumps({"openrouter": {"apiKey": "k", "baseUrl": server.url}}))
        (home / "config.json").chmod(0o600)
        router = Router(load_config(None, home=home, env={}))
        await router.learn()
        return router


def row(name: str, **pricing: Any) -> Json:
    return {
        "id": name,
        "context_length": 64_000,
        "pricing": pricing,
        "top_provider": {"max_completion_tokens": 8_000},
        "architecture": {"input_modalities": ["text", "image"]},
    }


async def test_the_list_wins_over_our_table_also_under_our_spelling(tmp_path: Path) -> None:
    pricing = {"prompt": "0.000002", "completion": "0.00001", "input_cache_read": "2e-7"}
    listed = row("anthropic/claude-sonnet-4.5", **pricing, input_cache_write="0.0000025")
    router = await learnt(tmp_path, listed)
    for name in ("anthropic/claude-sonnet-4-5", "anthropic/claude-sonnet-4.5"):
        found = router.price(name)
        assert found is not None
        assert (found.input, found.cached, found.output, found.written) == pytest.approx(
            (2.0, 0.2, 10.0, 2.5)
        )
        assert (found.context, found.max_output, found.sees) == (64_000, 8_000, True)
        assert router.window(name) == 64_000
    assert router.price(GPT) == price(GPT)


async def test_odd_rows_do_not_cost_the_others_their_prices(tmp_path: Path) -> None:
    odd: list[Any] = [None, 1, "m", {"id": None}, {}]
    router = await learnt(tmp_path, *odd, row(GPT, prompt="0.000002", completion="0.00001"))
    found = router.price(GPT)
    assert found is not None
    assert found.input == pytest.approx(2.0)


@pytest.mark.parametrize(
    "pricing",
    [{}, {"prompt": "-1", "completion": "-1"}, {"prompt": "1e-6"}, {"prompt": "much", "completion": "1e-6"},
     {"prompt": True, "completion": "1e-6"}, {"prompt": "nan", "completion": "1e-6"},
     {"prompt": "inf", "completion": "1e-6"}, {"prompt": "1e300", "completion": "1e300"},
     {"prompt": 10**400, "completion": "1e-6"}],
)  # fmt: skip
async def test_a_price_that_makes_no_sense_leaves_our_table(tmp_path: Path, pricing: Json) -> None:
    router = await learnt(tmp_path, row(GPT, **pricing))
    assert router.price(GPT) == price(GPT)


@pytest.mark.parametrize("size", [10**300, -1, "64000", True, None, 0])
async def test_a_size_that_makes_no_sense_is_none(tmp_path: Path, size: Any) -> None:
    """It would lift the bound on a provider's figures."""
    listed = row(GPT, prompt="0.000002", completion="0.00001")
    listed |= {"context_length": size, "top_provider": {"max_completion_tokens": size}}
    router = await learnt(tmp_path, listed)
    found = router.price(GPT)
    assert found is not None
    assert (found.context, found.max_output) == (0, 0)


async def test_a_server_that_lists_bare_names_with_prices_has_them_under_a_vendors_id(tmp_path: Path) -> None:
    async with Provider.run() as server:
        server.models = {"data": [row("mystery", prompt="0.000003", completion="0.000015")]}
        router = Router(load_config(None, home=tmp_path, env={"OPENAI_BASE_URL": server.url}))
        await router.learn()
    assert router.route("vendor/mystery").model == "mystery"
    assert router.worst_case("vendor/mystery", 10_000, 4_000) == pytest.approx(0.09)


async def test_how_long_a_reply_may_be_is_read_of_lists_without_prices(tmp_path: Path) -> None:
    """Groq's has a row of its own form; it speaks for no other server's models."""
    (tmp_path / "config.json").write_text('{"providers": {"lab": {"baseUrl": "http://127.0.0.1:9/v1"}}}')
    (tmp_path / "config.json").chmod(0o600)
    async with Provider.run() as server:
        server.models = {
            "data": [{"id": "scout", "context_window": 131_072, "max_completion_tokens": 8_192}, {"id": "m"}]
        }
        router = Router(load_config(None, home=tmp_path, env={"OPENAI_BASE_URL": server.url}))
        await router.learn()
    assert [router.longest(m) for m in ("scout", "vendor/scout", "lab/scout", "m")] == [8_192, 8_192, 0, 0]
    assert [router.window(m) for m in ("scout", "lab/scout")] == [131_072, None]


@pytest.mark.parametrize(
    ("host", "state"),
    [("team.openai.azure.com", "unlisted"), ("t.services.ai.azure.com", "unlisted"), ("azure.lan", "listed")],
)
def test_azures_list_is_none_of_what_is_deployed(host: str, state: str) -> None:
    """A deployment would be taken for a model that is not there, and another one asked that is not either."""
    assert catalogue._read(b'{"data": [{"id": "gpt-4o-2024-11-20"}]}', host).state == state


async def test_without_the_list_our_table_counts(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(
        json.dumps({"openrouter": {"apiKey": "k", "baseUrl": "http://127.0.0.1:9/v1"}})
    )
    (tmp_path / "config.json").chmod(0o600)
    router = Router(load_config(None, home=tmp_path, env={}))
    await router.learn()
    assert (router.price(GPT), router.window(GPT)) == (price(GPT), 128_000)
