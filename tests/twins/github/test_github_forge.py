"""The GitHub forge on the twin: what is found again, what stands in the way, and in which words."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Literal

import pytest

from codebutler.config import load_config
from codebutler.errors import CodeButlerError, ConfigError, InMergeQueue, RepoError
from codebutler.forges.choose import way_to
from codebutler.service.doctor_repo import remote
from codebutler.testing.github import apps
from codebutler.testing.github.faults import Fault, Kind
from codebutler.testing.github.project import Rules
from codebutler.types import Person

if TYPE_CHECKING:
    from tests.twins.github.conftest import Bench, Shop

ANN = Person(surface="github", id="ann", name="Ann")


async def test_a_pull_request_from_push_to_squash(bench: Bench, shop: Shop) -> None:
    forge = await bench.opened(draft=True)
    again = await forge.open_pr("work", "main", "Other", "Other")
    assert (again.number, again.draft, again.title) == (1, True, "Add a")
    assert (await forge.update(1, body="<!-- a:begin -->\nNew\n<!-- a:end -->", draft=False)).draft is False
    assert [pr.number for pr in await forge.list()] == [1]
    assert "+a.txt" in (await forge.diff(1))[0]
    landed = await forge.merge(1, expected_head=bench.head, co_authors=[ANN])
    assert shop.project.heads() == {"main": landed.sha}
    message = shop.project.git("log", "-1", "--format=%B", "main")
    assert message.splitlines()[0] == "Add a (#1)"
    assert "Co-authored-by: Ann <ann@" in message
    assert "New" in message
    assert "<!--" not in message
    assert (await forge.merge(1, expected_head=bench.head)).sha == landed.sha
    found = await forge.find_pr("work")
    assert found is not None
    assert (found.state, found.merged_sha) == ("merged", landed.sha)
    assert [pr.number for pr in await forge.list("merged")] == [1]
    with pytest.raises(RepoError, match="merged already"):
        await forge.close(1)


@pytest.mark.parametrize(
    ("call", "kind"),
    [
        ("POST */git-receive-pack", "done_close"),
        ("POST */git-receive-pack", "500"),
        ("POST */git-upload-pack", "500"),
        ("GET */info/refs*", "close"),
        ("POST */pulls", "done_500"),
        ("POST */pulls", "secondary"),
        ("PUT */merge", "done_close"),
        ("GET */pulls*", "500"),
        ("GET */pulls/1", "close"),
        ("DELETE */git/refs/*", "429"),
    ],
)
async def test_an_answer_that_is_lost_is_looked_for(bench: Bench, shop: Shop, call: str, kind: Kind) -> None:
    shop.twin.hub.faults.next(call, Fault(kind, 1))
    forge = await bench.opened()
    assert await forge.fetch("work") == bench.head
    await forge.merge(1, expected_head=bench.head)
    assert shop.twin.hub.faults.happened == {kind: 1}
    assert list(shop.project.pulls) == [1]
    assert shop.project.git("rev-list", "--count", "main") == "2"
    assert set(shop.project.heads()) == {"main"}


async def test_an_enterprise_server_has_its_api_below_a_path(bench: Bench, shop: Shop) -> None:
    forge = await bench.forge(baseUrl=f"{shop.twin.url}/api/v3")
    await forge.push("work", bench.head, expect="")
    await forge.open_pr("work", "main", "Add a", "Body", draft=True)
    assert (await forge.update(1, draft=False)).draft is False
    assert (await forge.merge(1, expected_head=bench.head)).sha == shop.project.heads()["main"]
    assert {path for _, path, _ in shop.twin.calls if "graphql" in path} == {"/graphql"}


async def test_a_limit_that_is_too_long_is_not_waited_for(bench: Bench, shop: Shop) -> None:
    forge = await bench.forge(waitSeconds=5)
    shop.twin.hub.faults.next("GET *", Fault("primary", 900))
    with pytest.raises(RepoError, match=r"limit holds GET .* up for \d{3} s"):
        await forge.get(1)


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        (Rules(checks=("ci",)), 'Required status check "ci" is expected'),
        (Rules(checks=("ci", "lint")), "2 of 2 required status checks are expected"),
        (Rules(approvals=1), "At least 1 approving review is required"),
        (Rules(queue=True, checks=("ci",)), "is in the merge queue at place 1"),
    ],
)
async def test_rules_of_the_base_are_respected(bench: Bench, shop: Shop, rules: Rules, words: str) -> None:
    forge = await bench.opened()
    shop.project.protect("main", rules)
    with pytest.raises(RepoError, match=words) as met:
        await forge.merge(1, expected_head=bench.head)
    assert "Say merge again" in met.value.fix
    assert ("unless codebutler serve runs" in met.value.fix) == ("required status check" in words.lower())
    assert "work" in shop.project.heads()
    for name in ("ci", "lint"):
        shop.ann.checks(bench.head, name, "success")
    shop.ann.reviews(1, "APPROVE")
    assert (await forge.merge(1, expected_head=bench.head)).sha == shop.project.heads()["main"]
    assert set(shop.project.heads()) == {"main"}


@pytest.mark.parametrize("faults", [["502", "close"], ["500", "done_500"], ["done_close"]])
async def test_a_pull_request_is_opened_once_however_github_stumbles(
    bench: Bench, shop: Shop, faults: list[Kind]
) -> None:
    forge = await bench.forge()
    await forge.push("work", bench.head, expect="")
    shop.twin.hub.faults.next("POST */pulls", *map(Fault, faults))
    assert (await forge.open_pr("work", "main", "Add a", "Body")).number == 1
    assert list(shop.project.pulls) == [1]


async def test_a_github_that_is_away_opens_none(bench: Bench, shop: Shop) -> None:
    forge = await bench.forge()
    await forge.push("work", bench.head, expect="")
    shop.twin.hub.faults.next("POST */pulls", Fault("502"), Fault("502"), Fault("502"), Fault("502"))
    with pytest.raises(RepoError, match="HTTP 502"):
        await forge.open_pr("work", "main", "Add a", "Body")
    assert shop.twin.hub.faults.happened == {"502": 3}


async def test_what_the_merge_queue_has_can_be_taken_out(bench: Bench, shop: Shop) -> None:
    forge = await bench.opened()
    shop.project.protect("main", Rules(queue=True, checks=("ci",)))
    assert not await forge.leave_queue(1)
    with pytest.raises(InMergeQueue):
        await forge.merge(1, expected_head=bench.head)
    shop.twin.hub.faults.next("POST /graphql", Fault("slow"), Fault("forbidden"))
    with pytest.raises(RepoError, match="#1 cannot be taken out of the merge queue: Resource not"):
        await forge.leave_queue(1)
    assert shop.project.queue == [1]
    assert await forge.leave_queue(1)
    assert shop.project.queue == []
    shop.ann.merges(1)
    assert not await forge.leave_queue(1)


async def test_what_came_in_meanwhile_is_not_merged(bench: Bench, shop: Shop) -> None:
    forge = await bench.opened()
    shop.commit("work", "b.txt", "evil\n", onto="work")
    with pytest.raises(RepoError, match="was to be merged"):
        await forge.merge(1, expected_head=bench.head)
    assert "main" in shop.project.heads()
    assert shop.project.git("rev-list", "--count", "main") == "1"


async def test_a_conflict_is_named(bench: Bench, shop: Shop) -> None:
    forge = await bench.opened()
    shop.commit("main", "a.txt", "other\n")
    with pytest.raises(RepoError, match="conflicts with main") as met:
        await forge.merge(1, expected_head=bench.head)
    assert "Say rebase" in met.value.fix


Trouble = Literal["stranger", "archived", "private", "token", "gone", "protected", "base"]


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        ("stranger", "this token may not push to acme/shop"),
        ("archived", "acme/shop is archived"),
        ("private", "GitHub shows no repository acme/shop to this token"),
        ("token", r"Bad credentials \(HTTP 401\)"),
        ("protected", "acme/shop protects work"),
        ("base", "acme/shop has no branch main any more: its default branch is trunk"),
    ],
)
async def test_what_stands_in_the_way_is_said(bench: Bench, shop: Shop, trouble: Trouble, words: str) -> None:
    if trouble == "stranger":
        del shop.project.collaborators["butler"]
    if trouble == "private":
        shop.project.private, shop.project.collaborators = True, {}
    shop.project.archived = trouble == "archived"
    if trouble == "protected":
        shop.project.protect("work")
    more = {"token": "ghp_wrong"} if trouble == "token" else {}
    with pytest.raises(RepoError, match=words) as met:
        await _ship(bench, more)
    assert met.value.fix


async def _ship(bench: Bench, more: dict[str, str]) -> None:
    """To a repository whose default branch is renamed at the last moment."""
    forge = await bench.forge(**more)
    await forge.push("work", bench.head, expect="")
    bench.shop.project.git("branch", "-m", "main", "trunk")
    bench.shop.project.git("symbolic-ref", "HEAD", "refs/heads/trunk")
    await forge.open_pr("work", "main", "t", "b")


async def test_what_was_archived_meanwhile_says_so(bench: Bench, shop: Shop) -> None:
    forge = await bench.forge()
    shop.project.archived = True
    with pytest.raises(RepoError, match="acme/shop is archived") as met:
        await forge.push("work", bench.head, expect="")
    assert "Unarchive" in met.value.fix


async def test_the_doctor_asks_whether_pushes_are_taken(bench: Bench, shop: Shop) -> None:
    async def said(*, offline: bool = False) -> list[str]:
        repo, config = await bench.repo(), load_config(None, home=bench.home, env={}, repo_text="")
        return [f"{c.state} {c.text}" for c in await remote(repo, config, bench.home, offline=offline)]

    (bench.home / "config.json").write_text(json.dumps({"github": shop.twin.settings("butler")}))
    (bench.home / "config.json").chmod(0o600)
    assert await said() == ["ok origin, at GitHub: acme/shop takes our pushes"]
    shop.project.default_branch = "trunk"
    assert (await said())[1].startswith("note acme/shop's default branch is trunk")
    shop.project.archived = True
    with pytest.raises(RepoError, match="archived"):
        await said()
    assert await said(offline=True) == ["ok origin, at GitHub: acme/shop, not asked"]


async def test_another_default_branch_is_mentioned(bench: Bench, shop: Shop) -> None:
    forge = await bench.forge()
    assert await forge.check() == ""
    shop.project.default_branch = "trunk"
    assert "default branch is trunk, here it is main" in await forge.check()


async def test_code_owners_are_asked_once_it_is_ready(bench: Bench, shop: Shop) -> None:
    shop.project.collaborators["dora"] = "write"
    shop.commit("main", "CODEOWNERS", "* @ann\na.txt @dora @nobody @butler owner@example.org\n")
    bench.git("fetch", "-q", str(shop.project.path), "main")
    bench.git("reset", "-q", "--hard", "FETCH_HEAD")
    bench.head = bench.commit("a.txt")
    forge = await bench.opened(draft=True)
    assert shop.project.pulls[1]["requested_reviewers"] == []
    await forge.update(1, draft=False)
    assert [who["login"] for who in shop.project.pulls[1]["requested_reviewers"]] == ["dora"]


async def test_an_app_opens_pull_requests_with_tokens_of_its_own(bench: Bench, shop: Shop) -> None:
    app = apps.make_app(shop.twin.hub, 7, "butler-app")
    app.installations["acme/shop"] = 70
    pem = bench.home / "app.pem"
    pem.write_text(app.private)
    forge = await bench.forge(token=None, appId=7, privateKeyFile=str(pem))
    await forge.push("work", bench.head, expect="")
    await forge.open_pr("work", "main", "Add a", "Body")
    assert shop.project.issues[1]["user"]["login"] == "butler-app[bot]"
    shop.twin.hub.tokens.clear()  # it ends before its hour, as after a suspension
    assert (await forge.get(1)).state == "open"
    pem.write_text("nonsense")
    with pytest.raises(ConfigError, match="private key cannot be read"):
        await bench.forge(token=None, appId=7, privateKeyFile=str(pem))
    pem.write_text(app.private)
    app.installations.clear()
    with pytest.raises(ConfigError, match="cannot be used for acme/shop"):
        await bench.forge(token=None, appId=7, privateKeyFile=str(pem))


async def test_gh_supplies_the_token(bench: Bench, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = bench.home / "bin"
    folder.mkdir()
    program = folder / "gh"
    program.write_text(
        f'#!/bin/sh\n[ "$*" = "auth token --hostname 127.0.0.1" ] && echo {shop.tokens["butler"]}\n'
    )
    program.chmod(0o755)
    with pytest.raises(ConfigError, match="there is no token for acme/shop"):
        await bench.forge(token=None)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    assert await (await bench.forge(token=None)).find_pr("work") is None
    assert (await way_to(await bench.repo(), bench.config(token=None))).token == shop.tokens["butler"]


async def test_two_pushes_at_once_leave_one_pull_request(bench: Bench, shop: Shop) -> None:
    forge = await bench.forge()
    await forge.push("work", bench.head, expect="")
    made = await asyncio.gather(*(forge.open_pr("work", "main", "t", "b") for _ in range(3)))
    assert {pr.number for pr in made} == {1}
    assert list(shop.project.pulls) == [1]


async def test_an_unknown_server_is_no_github(bench: Bench) -> None:
    bench.git("remote", "set-url", "origin", "https://git.example.org/acme/shop.git")
    with pytest.raises(CodeButlerError, match="no GitHub known here"):
        await bench.forge()
