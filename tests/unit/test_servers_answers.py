"""What a server in the sandbox may write that is no proper answer."""

from __future__ import annotations

import json
from typing import Any

import pytest

from codebutler.servers.stdio import _answer, _taken

DEEP = '{"jsonrpc": "2.0", "id": 7, "result": ' + "[" * 100_000


def error(code: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 3, "error": {"code": code, "message": "boom"}}


@pytest.mark.parametrize("code", [-32000, -32603, 1, "odd"])
def test_a_servers_own_trouble_is_no_end_of_the_connection(code: Any) -> None:
    found = _answer(json.dumps(error(code)).encode())
    assert found == error(-32603 if code == -32000 else code)


def test_an_answer_nested_too_deep_is_an_answer() -> None:
    found = _answer(DEEP.encode())
    assert (found["id"], found["error"]["message"]) == (7, "its answer is nested too deep")
    for odd in (b'"result": {"n": ' + b"9" * 5_000 + b"}}", b'"result": {"n": "\xff"}}'):
        found = _answer(b'{"jsonrpc": "2.0", "id": 7, ' + odd)
        assert (found["id"], found["error"]["message"]) == (7, "its answer cannot be read")
    assert _answer(DEEP.replace('"id": 7, ', "").encode()) is None


@pytest.mark.parametrize(
    "odd",
    [{"error": {"message": "no code"}}, {"error": "plain words"}, {"result": None}, {"result": "words"}, {}],
)
def test_an_odd_answer_is_one_that_failed_and_nobody_waits_for_another(odd: dict[str, Any]) -> None:
    found = _taken(_answer(json.dumps({"jsonrpc": "2.0", "id": 7, **odd}).encode()))
    assert (found.id, found.error.message) == (7, "its answer is none that the protocol knows")
    assert _answer(b'{"jsonrpc": "2.0", "id": 7.0}')["id"] == 7
    assert _taken({"jsonrpc": "2.0", "id": [7], **odd}) is None
    assert _taken({"jsonrpc": "2.0", "id": 7, "method": 7}) is None


@pytest.mark.parametrize("line", [b"", b"junk", b"[1]", b'{"jsonrpc": "2.0", "method": "x"}'])
def test_what_is_none_is_passed_over(line: bytes) -> None:
    assert _answer(line) is None
