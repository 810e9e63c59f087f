"""The GitHub twin: the shapes, limits and refusals that a client has to live with, and git over HTTP."""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import jwt
import pytest
from aiohttp import ClientError, web

from codebutler.testing.github import apps
from codebutler.testing.github.faults import Fault
from codebutler.testing.github.hooks import Hook, signature
from codebutler.testing.github.project import Rules

if TYPE_CHECKING:
    from tests.twins.github.conftest import Shop


def git(where: Path, *words: str, token: str = "") -> subprocess.CompletedProcess[str]:
    """A person's git, with a token as its header."""
    given = ["-c", f"http.extraHeader=Authorization: Basic {token}"] if token else []
    who = ["-c", "user.name=Ann", "-c", "user.email=ann@example.org", "-c", "credential.helper="]
    return subprocess.run(
        ["git", *who, *given, "-C", str(where), *words], capture_output=True, text=True, check=False,
        env={"PATH": "/usr/bin:/bin", "GIT_TERMINAL_PROMPT": "0", "HOME": str(where), "LC_ALL": "C"},
    )  # fmt: skip


async def test_lists_come_in_pages_that_link_to_each_other(shop: Shop) -> None:
    for number in range(5):
        shop.ann.opens(f"issue {number}")
    status, first, headers = await shop.call("GET", "/issues?per_page=2&direction=asc")
    assert (status, [row["number"] for row in first]) == (200, [1, 2])
    assert 'rel="next"' in headers["Link"]
    assert "page=2" in headers["Link"]
    assert 'rel="last"' in headers["Link"]
    _, last, headers = await shop.call("GET", "/issues?per_page=2&direction=asc&page=3")
    assert [row["number"] for row in last] == [5]
    assert 'rel="next"' not in headers["Link"]
    assert 'rel="prev"' in headers["Link"]


async def test_what_has_not_changed_is_not_sent_again_and_costs_nothing(shop: Shop) -> None:
    shop.ann.opens("one")
    _, _, headers = await shop.call("GET", "/issues")
    left = shop.twin.hub.core
    again = {"If-None-Match": headers["ETag"]}
    status, body, _ = await shop.call("GET", "/issues", **again)
    assert (status, body, shop.twin.hub.core) == (304, "", left)
    shop.ann.opens("two")
    assert (await shop.call("GET", "/issues", **again))[0] == 200


@pytest.mark.parametrize(
    ("by", "method", "path", "body", "status"),
    [
        ("", "GET", "/issues/9", None, 404),
        ("", "POST", "/issues", {"title": "x"}, 401),
        ("eve", "POST", "/pulls", {"title": "x", "head": "a", "base": "main"}, 403),
        ("butler", "POST", "/pulls", {"title": "x", "head": "gone", "base": "main"}, 422),
        ("butler", "POST", "/issues", {"title": ""}, 422),
        ("butler", "POST", "/issues/1/comments", {"body": "x" * 65_537}, 422),
        ("butler", "GET", "/nothing/here", None, 404),
        ("eve", "DELETE", "/git/refs/heads/main", None, 403),
        ("butler", "DELETE", "/git/refs/heads/gone", None, 422),
    ],
)
async def test_refusals_have_githubs_shape(
    shop: Shop, by: str, method: str, path: str, *, body: object, status: int
) -> None:
    shop.ann.opens("one")
    got, said, _ = await shop.call(method, path, body, by=by)
    assert got == status
    assert said["message"]
    assert said["documentation_url"]


async def test_a_private_repository_is_not_there_for_strangers(shop: Shop) -> None:
    shop.project.private = True
    assert (await shop.call("GET", "", by="eve"))[0] == 404
    assert (await shop.call("GET", "", by="ann"))[0] == 200
    shop.tokens["bad"] = "ghp_nobody"
    status, said, _ = await shop.call("GET", "", by="bad")
    assert (status, said["message"]) == (401, "Bad credentials")


async def test_limits_say_when_to_come_again(shop: Shop) -> None:
    shop.twin.hub.faults.next("GET */issues", Fault("secondary", 7), Fault("429", 3), Fault("primary", 60))
    status, said, headers = await shop.call("GET", "/issues")
    assert (status, headers["Retry-After"]) == (403, "7")
    assert "secondary rate limit" in said["message"]
    assert (await shop.call("GET", "/issues"))[0] == 429
    status, _, headers = await shop.call("GET", "/issues")
    assert (status, headers["x-ratelimit-remaining"]) == (403, "0")
    assert int(headers["x-ratelimit-reset"]) > shop.twin.hub.now()


async def test_a_call_may_have_its_effect_unseen(shop: Shop) -> None:
    shop.ann.opens("one")
    shop.twin.hub.faults.next("POST */comments", Fault("done_500"), Fault("done_close"), Fault("close"))
    assert (await shop.call("POST", "/issues/1/comments", {"body": "a"}))[0] == 500
    for _ in range(2):
        with pytest.raises(ClientError):
            await shop.call("POST", "/issues/1/comments", {"body": "b"})
    assert [c["body"] for c in shop.ann.comments(1)] == ["a", "b"]


async def test_git_over_http_asks_who_it_is(shop: Shop, tmp_path: Path) -> None:
    clone, url = tmp_path / "clone", shop.project.clone_url
    await asyncio.to_thread(git, tmp_path, "clone", "-q", url, str(clone))
    await asyncio.to_thread(git, clone, "commit", "-q", "--allow-empty", "-m", "more")

    async def push(who: str, branch: str) -> str:
        word = base64.b64encode(f"x-access-token:{shop.tokens[who]}".encode()).decode()
        done = await asyncio.to_thread(
            git, clone, "push", "-q", url, f"HEAD:{branch}", token=word if who else ""
        )
        return done.stderr

    assert await push("ann", "work") == ""
    assert "work" in shop.project.heads()
    assert "403" in await push("eve", "evil")
    assert "could not read Username" in await push("", "evil")
    shop.project.protect("main")
    assert "GH006: Protected branch update failed" in await push("ann", "main")
    assert set(shop.project.heads()) == {"main", "work"}


async def test_a_pull_request_lives_and_lands(shop: Shop) -> None:
    head = shop.commit("work", "a.txt", "a\n")
    shop.ann.opens("a bug")
    wish = {"title": "Mend", "head": "work", "base": "main", "body": "Closes #1", "draft": True}
    status, made, _ = await shop.call("POST", "/pulls", wish)
    assert (status, made["draft"], made["head"]["sha"]) == (201, True, head)
    status, said, _ = await shop.call("POST", "/pulls", wish)
    assert (status, said["errors"][0]["message"]) == (422, "A pull request already exists for acme:work.")
    number = made["number"]
    wrong = {"sha": "0" * 40, "merge_method": "squash"}
    assert (await shop.call("PUT", f"/pulls/{number}/merge", wrong))[0] == 405  # a draft
    query = "mutation($id: ID!) { markPullRequestReadyForReview(input: {pullRequestId: $id}) { __typename } }"
    _, said, _ = await shop.call(
        "POST", "//graphql", {"query": query, "variables": {"pullRequestId": made["node_id"]}}
    )
    assert said["data"]["markPullRequestReadyForReview"]["pullRequest"]["isDraft"] is False
    assert (await shop.call("PUT", f"/pulls/{number}/merge", wrong))[0] == 409
    status, said, _ = await shop.call(
        "PUT", f"/pulls/{number}/merge", {"sha": head, "merge_method": "squash"}
    )
    assert (status, shop.project.heads()["main"]) == (200, said["sha"])
    assert shop.project.issues[1]["state"] == "closed"
    assert (await shop.call("GET", f"/pulls/{number}"))[1]["merged"] is True


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        (Rules(checks=("ci",)), 'Required status check "ci" is expected.'),
        (Rules(approvals=1), "At least 1 approving review is required by reviewers with write access."),
        (Rules(queue=True), "Changes must be made through the merge queue"),
    ],
)
async def test_rules_stand_in_the_way_of_a_merge(shop: Shop, rules: Rules, words: str) -> None:
    head = shop.commit("work", "a.txt", "a\n")
    await shop.call("POST", "/pulls", {"title": "Mend", "head": "work", "base": "main"})
    shop.project.protect("main", rules)
    status, said, _ = await shop.call("PUT", "/pulls/1/merge", {"sha": head, "merge_method": "squash"})
    assert status == 405
    assert words in said["message"]
    shop.ann.checks(head, "ci", "success")
    shop.ann.reviews(1, "APPROVE")
    if not rules.queue:
        assert (await shop.call("PUT", "/pulls/1/merge", {"sha": head, "merge_method": "squash"}))[0] == 200


async def test_deliveries_are_signed_and_come_as_they_are_told_to(shop: Shop) -> None:
    got: list[tuple[str, str, bytes, str]] = []

    async def take(request: web.Request) -> web.Response:
        names = ("X-GitHub-Event", "X-GitHub-Delivery", "X-Hub-Signature-256")
        event, guid, sign = (request.headers[name] for name in names)
        got.append((event, guid, await request.read(), sign))
        return web.Response()

    app = web.Application()
    app.router.add_post("/hook", take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    shop.twin.hooks.hooks.append(Hook(f"http://127.0.0.1:{runner.addresses[0][1]}/hook", "s3cret"))
    shop.twin.hub.faults.next_delivery("", "drop", "duplicate")
    for text in ("one", "two", "three"):
        shop.ann.opens(text)
        await shop.twin.hooks.settle()
    titles = [json.loads(body)["issue"]["title"] for _, _, body, _ in got]
    assert titles == ["one", "three", "three"]
    assert got[1][1] == got[2][1]
    assert all(sign == signature("s3cret", body) for _, _, body, sign in got)
    await runner.cleanup()


async def test_an_app_proves_itself_and_gets_a_narrow_token(shop: Shop) -> None:
    app = apps.make_app(shop.twin.hub, 7, "butler-app")
    app.installations["acme/shop"] = 70
    now = int(shop.twin.hub.now())

    def word(key: str, life: int) -> str:
        return jwt.encode({"iss": "7", "iat": now - 60, "exp": now + life}, key, algorithm="RS256")

    other = apps.make_app(shop.twin.hub, 8, "other")
    for bad in (word(other.private, 300), word(app.private, 3600), word(app.private, -120)):
        shop.tokens["app"] = bad
        assert (await shop.call("POST", "//app/installations/70/access_tokens", by="app"))[0] == 401
    shop.tokens["app"] = word(app.private, 300)
    assert (await shop.call("GET", "/installation", by="app"))[1]["id"] == 70
    status, made, _ = await shop.call("POST", "//app/installations/70/access_tokens", by="app")
    assert status == 201
    assert made["expires_at"].endswith("Z")
    shop.tokens["installed"] = made["token"]
    shop.ann.opens("one")
    assert (await shop.call("POST", "/issues/1/comments", {"body": "hi"}, by="installed"))[0] == 201
    shop.twin.hub.skew += 3601
    assert (await shop.call("POST", "/issues/1/comments", {"body": "hi"}, by="installed"))[0] == 401


async def test_review_threads_and_logs(shop: Shop) -> None:
    head = shop.commit("work", "a.txt", "a\n")
    await shop.call("POST", "/pulls", {"title": "Mend", "head": "work", "base": "main"})
    first = shop.ann.remarks(1, "a.txt", 1, "why?")
    status, _, _ = await shop.call("POST", f"/pulls/1/comments/{first['id']}/replies", {"body": "because"})
    assert status == 201
    ask = {"query": "query { repository { pullRequest { reviewThreads { nodes { id } } } } }",
           "variables": {"owner": "acme", "name": "shop", "number": 1}}  # fmt: skip
    nodes = (await shop.call("POST", "//graphql", ask))[1]["data"]["repository"]["pullRequest"][
        "reviewThreads"
    ]["nodes"]
    assert [c["body"] for c in nodes[0]["comments"]["nodes"]] == ["why?", "because"]
    done = {"query": "mutation { resolveReviewThread }", "variables": {"input": {"threadId": nodes[0]["id"]}}}
    assert (await shop.call("POST", "//graphql", done))[1]["data"]["resolveReviewThread"]["thread"][
        "isResolved"
    ]
    run = shop.ann.checks(head, "ci", "failure", log="1 failed")
    status, _, headers = await shop.call("GET", f"/actions/jobs/{run['id']}/logs")
    assert status == 302
    async with shop.session.get(headers["Location"]) as got:
        assert await got.text() == "1 failed"
