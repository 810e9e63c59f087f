"""Which MCP servers count, and who may use them: what a repo may say, and what only the host."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from codebutler.agent.roles import load_role
from codebutler.config import Config
from codebutler.servers.declared import AT_MOST, Declared, declared
from codebutler.servers.grants import granted, may_use, may_use_server


def config(**mcp: Any) -> Config:
    return Config.model_validate({"mcp": mcp})


def said(entries: object, **mcp: Any) -> Declared:
    """What comes of a repo's file, with the host's own words in ``mcp``."""
    return declared(config(**mcp), {".mcp.json": json.dumps({"mcpServers": entries})})


def test_a_program_of_the_repo_with_the_variables_that_the_host_names() -> None:
    entry = {"command": "python3", "args": ["s.py", "${MODE:-fast}"], "env": {"A": "x-${T}", "B": ""}}
    known = said({"db": entry}, servers={"db": {"env": {"T": "s3cret"}}})
    db = known.servers["db"]
    assert (db.words, db.inside, db.source) == (("python3", "s.py", "fast"), True, ".mcp.json")
    assert db.environment == {"A": "x-s3cret", "B": ""}
    assert known.problems == []
    assert "s3cret" not in repr(known)


def test_a_url_of_the_repo_that_the_host_allows() -> None:
    entry = {"type": "http", "url": "https://t.dev.org/mcp", "headers": {"Authorization": "Bearer ${T}"}}
    known = said({"t": entry}, allow=["T.dev.org:443"], servers={"t": {"env": {"T": "k"}}})
    t = known.servers["t"]
    assert t.target is not None
    assert (t.target.url, t.target.vouched, t.inside) == ("https://t.dev.org/mcp", False, False)
    assert t.headers == {"Authorization": "Bearer k"}


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ([], "no JSON object"),
        ({}, "its command and args must be text"),
        ({"command": 7}, "its command and args must be text"),
        ({"command": "x", "args": "y"}, "its args are no list"),
        ({"command": "x", "args": ["y"] * 65}, "its args are no list"),
        ({"command": "x\0"}, "must be text"),
        ({"command": "${HOME}"}, r"\$\{HOME\} is not known"),
        ({"command": "x", "args": ["${T}"]}, r"\$\{T\} is not known"),
        ({"command": "x", "env": {"A": "${PATH}"}}, r"\$\{PATH\} is not known"),
        ({"command": "x", "env": {"A": "a\nb"}}, "more than one line"),
        ({"command": "x", "env": {"A B": "c"}}, "is no proper name"),
        ({"command": "x", "env": {"LD_PRELOAD": "c"}}, "belongs to the sandbox"),
        ({"command": "x", "env": {"PATH": "/tmp"}}, "belongs to the sandbox"),
        ({"command": "x", "env": ["A"]}, "no object"),
        ({"type": "sse", "url": "https://t.dev.org"}, "is not stdio or http"),
        ({"url": "https://t.dev.org:8443/"}, "t.dev.org:8443 is not in mcp.allow"),
        ({"url": "http://t.dev.org:443/"}, "must be at an https URL"),
        ({"url": "https://${HOST}/"}, r"\$\{HOST\} is not known"),
        ({"url": "https://u:p@t.dev.org/"}, "user name or password"),
        ({"url": "https://127.0.0.1/"}, "127.0.0.1:443 is not in mcp.allow"),
        ({"url": "https://localhost/"}, "not a name of the public network"),
        ({"url": "https://t.dev.org:99999/"}, "URL"),
        ({"url": "https://[/"}, "URL"),
        ({"url": "https://t.dev.org/", "headers": {"A": "a\r\nB: c"}}, "more than one line"),
        ({"url": "https://t.dev.org/", "headers": {"A:": "c"}}, "is no proper name"),
    ],
)
def test_what_a_repo_may_not_say_is_left_out_with_the_reason(entry: object, why: str) -> None:
    known = said(
        {"x": entry, "good": {"command": "y"}}, allow=["t.dev.org:443"], servers={"x": {"env": {"T": "t"}}}
    )
    assert list(known.servers) == ["good"]
    assert len(known.problems) == 1
    assert known.problems[0].startswith(".mcp.json: the server 'x' is left out: ")
    with pytest.raises(AssertionError, match=why):
        raise AssertionError(known.problems[0])


@pytest.mark.parametrize("name", ["", "a b", "a__b", "_a", "a_", "x" * 25, "a/b", "ä", "a\nb"])
def test_names_that_would_make_tools_ambiguous_are_refused(name: str) -> None:
    known = said({name: {"command": "y"}})
    assert known.servers == {}
    assert "\n" not in known.problems[0]
    with pytest.raises(ValidationError):
        config(servers={name: {"command": "y"}})


@pytest.mark.parametrize(
    "text", ["{", "[]", "7", '{"mcpServers": []}', "[" * 100_000, '{"mcpServers": null}']
)
def test_a_file_that_is_none_is_named(text: str) -> None:
    known = declared(config(), {".mcp.json": text})
    assert known.servers == {}
    assert known.problems[0].startswith(".mcp.json: it is not")


def test_the_host_comes_first_then_the_files_in_order_and_only_so_many() -> None:
    files = {
        ".mcp.json": json.dumps({"mcpServers": {"own": {"command": "bad"}, "a": {"command": "first"}}}),
        ".claude/mcp.json": json.dumps(
            {"mcpServers": {"a": {"command": "second"}, **{f"s{n}": {"command": "x"} for n in range(30)}}}
        ),
    }
    own = {"own": {"command": "good", "env": {"K": "v"}}}
    known = declared(config(servers=own), files)
    assert known.servers["own"].words == ("good",)
    assert known.servers["a"].words == ("first",)
    assert len(known.servers) == AT_MOST
    assert known.problems[0] == ".mcp.json: mcp.servers.own names the server own already"
    assert "only 20 servers are taken" in known.problems[-1]
    assert len(said({f"s{n}": {"command": "x"} for n in range(5_000)}).problems) == 81
    assert list(declared(config(servers=own, repo=False), files).servers) == ["own"]


def test_the_hosts_own_url_may_be_private_if_it_says_so() -> None:
    here = {"url": "http://127.0.0.1:8080/mcp"}
    known = declared(
        config(servers={"here": {**here, "private": True}, "both": {**here, "command": "x"}}), {}
    )
    assert known.servers["here"].target is not None
    assert known.servers["here"].target.vouched
    assert known.problems == [
        "mcp.servers.both: the server 'both' is left out: it has both a command and a url"
    ]


def test_both_the_role_and_the_host_must_agree() -> None:
    assert granted("coder", {}) == ("*",)
    assert [granted(role, {}) for role in ("pm", "lead", "researcher", "artist", "tester")] == [()] * 5
    assert granted("coder", {"coder": []}) == []
    assert may_use("db", "find", ["*"], ["db/find"])
    assert not may_use("db", "drop", ["*"], ["db/find"])
    assert not may_use("db", "find", [], ["*"])
    assert not may_use("db", "find", ["db"], ["other"])
    assert may_use_server("db", ["*"], ["db/find"])
    assert not may_use_server("db", ["*"], ["dbx", "d"])


@pytest.mark.parametrize(
    ("name", "theirs", "given"),
    [
        ("coder", 'mcp = ["db"]', ("db",)),
        ("coder", "mcp = []", ()),
        ("coder", "", ("*",)),
        ("researcher", 'mcp = ["*", "db"]', ()),
        ("pm", 'mcp = ["db/find"]', ("db/find",)),
    ],
)
def test_a_repos_role_file_only_narrows(name: str, theirs: str, given: tuple[str, ...]) -> None:
    assert load_role(name, repo_text=theirs).mcp == given
