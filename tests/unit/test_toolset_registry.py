"""A role's tools: lists enforced below the model, arguments checked, schemas lean and stable."""

from __future__ import annotations

import json
from typing import Any, Literal

import pytest

from codebutler.agent.roles import TOOLS, load_role, shipped_names
from codebutler.errors import CodeButlerError, ConfigError, ToolFailed
from codebutler.thread.host import known_tools
from codebutler.toolset.desk import Desk, EndTurn, Site
from codebutler.toolset.registry import Arguments, Toolset, schema_of, tool
from codebutler.types import ToolCall, ToolResult

SITE = Site("coder-1", "coder", 3, "c1")


class Nowhere:
    """A desk that must not be reached: every use of it is an AttributeError."""


class Inner(Arguments):
    title: str
    size: Literal["s", "l"] = "s"


class Order(Arguments):
    """Not for the model."""

    title: str
    count: int = 1
    inner: list[Inner] = []


class Kitchen:
    """Runs orders, and fails as it is told to."""

    def __init__(self) -> None:
        self.orders: list[Order] = []
        self.sites: list[Site] = []

    async def __call__(self, args: Order, _desk: Desk, site: Site) -> str:
        self.orders.append(args)
        self.sites.append(site)
        match args.title:
            case "burnt":
                raise ToolFailed("it is burnt", fix="Order something else.")
            case "stop":
                raise EndTurn("question")
            case "flood":
                raise CodeButlerError("the kitchen is under water")
        return f"{args.count} of {args.title}"


@pytest.fixture
def kitchen() -> Kitchen:
    return Kitchen()


def toolset(kitchen: Kitchen) -> Toolset:
    return Toolset([tool("order", "Order a dish.", Order, kitchen)])


async def call(tools: Toolset, name: str, arguments: str) -> ToolResult:
    desk: Any = Nowhere()
    return await tools.run(ToolCall(id="c1", name=name, arguments=arguments), desk, SITE)


async def test_a_good_call_is_run_with_checked_arguments(kitchen: Kitchen) -> None:
    result = await call(toolset(kitchen), "order", '{"title": "soup", "count": 2, "inner": [{"title": "a"}]}')
    assert result == ToolResult("2 of soup")
    assert kitchen.orders == [Order(title="soup", count=2, inner=[Inner(title="a")])]
    assert kitchen.sites == [SITE]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("{not json", "not valid JSON"),
        ('["soup"]', "must be a JSON object"),
        ("null", "must be a JSON object"),
        ("", "order was called wrongly: title: Field required"),
        ("{}", "title: Field required"),
        ('{"title": "soup", "cuont": 2}', "cuont: Extra inputs are not permitted"),
        ('{"title": "soup", "count": "many"}', "count: Input should be a valid integer"),
        ('{"title": "soup", "inner": [{"title": "a", "size": "m"}]}', "inner.0.size: Input should be 's' or"),
        ("[" * 100_000, "not valid JSON"),
    ],
)
async def test_a_wrong_call_comes_back_as_words(kitchen: Kitchen, arguments: str, said: str) -> None:
    result = await call(toolset(kitchen), "order", arguments)
    assert not result.ok
    assert said in result.text
    assert len(result.text) < 1_000
    assert kitchen.orders == []


async def test_a_tool_that_is_not_there_names_those_that_are(kitchen: Kitchen) -> None:
    result = await call(toolset(kitchen), "bash", "{}")
    assert (result.ok, result.text) == (False, "There is no tool 'bash'. Yours are: order.")


async def test_what_a_tool_cannot_do_is_read_by_the_model_and_what_ends_a_turn_is_not(
    kitchen: Kitchen,
) -> None:
    result = await call(toolset(kitchen), "order", '{"title": "burnt"}')
    assert result == ToolResult("it is burnt. Order something else.", ok=False)
    with pytest.raises(EndTurn):
        await call(toolset(kitchen), "order", '{"title": "stop"}')
    with pytest.raises(CodeButlerError, match="under water"):
        await call(toolset(kitchen), "order", '{"title": "flood"}')


def test_a_schema_has_no_byte_that_tells_nothing() -> None:
    assert schema_of(Order) == {
        "type": "object",
        "required": ["title"],
        "properties": {
            "title": {"type": "string"},
            "count": {"type": "integer"},
            "inner": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["title"],
                    "properties": {
                        "title": {"type": "string"},
                        "size": {"enum": ["s", "l"], "type": "string"},
                    },
                },
            },
        },
    }
    assert json.dumps(schema_of(Order)) == json.dumps(schema_of(Order))


@pytest.mark.parametrize("name", sorted(known_tools()))
def test_every_tool_is_one_that_providers_take(name: str) -> None:
    spec = known_tools()[name].spec
    text = json.dumps(spec.wire())
    assert spec.name == name
    assert spec.parameters["type"] == "object"
    assert "$ref" not in text
    assert '"title": "' not in text  # pydantic's own titles; ours is a property, with an object behind it
    assert 10 < len(spec.description) < 400


def test_the_role_files_may_name_exactly_the_tools_there_are() -> None:
    assert set(known_tools()) == set(TOOLS)


@pytest.mark.parametrize("role", shipped_names())
async def test_a_role_reaches_nothing_beyond_its_list(role: str) -> None:
    """Whatever the model was talked into calling: the desk behind it would fail the test."""
    allowed = load_role(role).tools
    tools = Toolset.of(allowed, known_tools())
    assert [w["function"]["name"] for w in tools.wire] == list(allowed)
    for name in set(known_tools()) - set(allowed):
        result = await call(tools, name, '{"command": "id", "path": "x", "content": "x", "message": "x"}')
        assert not result.ok
        assert "There is no tool" in result.text
        assert tools.spec(name) is None


def test_a_toolset_of_an_unknown_name_is_a_mistake_in_a_file() -> None:
    with pytest.raises(ConfigError, match="frobnicate"):
        Toolset.of(["read", "frobnicate"], known_tools())


def test_only_calls_without_a_second_effect_are_made_again_after_a_crash() -> None:
    tools = Toolset(list(known_tools().values()))
    told = {name for name in known_tools() if not tools.safe_to_repeat(name)}
    assert told == {"edit", "bash"}
    assert tools.safe_to_repeat("no_such_tool")


def test_the_key_of_a_call_tells_two_calls_of_one_id_apart() -> None:
    """Some providers number their calls from 0 in every reply."""
    assert Site("pm", "pm", 1, "call_0").key != Site("pm", "pm", 2, "call_0").key
