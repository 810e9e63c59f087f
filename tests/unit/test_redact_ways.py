"""Secrets that hide: behind escapes, in JSON inside JSON, in two pieces of a stream."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codebutler.redact import HELD, MARK, Redactor, Stream
from codebutler.redact_shapes import SHAPES, TOKENS
from codebutler.store.rows import NewEvent, NewPost
from codebutler.store.store import Store

A = "aB3dE6gH9jK2mN5pQ8rS1tU4vW7xY0zA3bC6dE9fG2hJ5kL8mN1pQ4rS7tU0vW3x"
TOKEN = f"ghp_{A[:36]}"
SPOKEN = 'two words, one "secret"'


@pytest.mark.parametrize(
    "before",
    [
        "\x1b[31m",
        "\x1b[0m",
        "\x1b[m",
        "\x1b[1;32m",
        "line\\n",
        "\\t",
        "\\u0022",
        "?token%3D",
        "%20",
        '\\"',
        "a\n",
    ],
)
def test_an_escape_before_a_token_does_not_hide_it(before: str) -> None:
    assert Redactor().text(f"{before}{TOKEN} end") == f"{before}{MARK} end"


@pytest.mark.parametrize("text", [f"x{TOKEN}", f"9{TOKEN}"])
def test_a_token_inside_a_longer_word_is_part_of_a_name(text: str) -> None:
    assert Redactor().text(text) == text


MORE = {
    "stripe": f"sk_test_{A[:24]}",
    "webhook": f"https://discord.com/api/webhooks/123456789012345678/{A[:40]}",
    "gitlab deploy": f"gldt-{A[:20]}",
    "docker": f"dckr_pat_{A[:27]}",
    "groq": f"gsk_{A[:52]}",
    "vault": f"hvs.{A[:30]}",
    "digitalocean": f"dop_v1_{'0a1b2c3d' * 8}",
    "sendgrid": f"SG.{A[:22]}.{A[:43]}",
    "atlassian": f"ATATT3{A[:40]}",
    "telegram": f"123456789:AA{A[:33]}",
    "age": f"AGE-SECRET-KEY-1{'QPZRY9X8GF2TVDW0' * 4}",
    "google refresh": f"1//0{A[:30]}",
}


@pytest.mark.parametrize("token", MORE.values(), ids=MORE)
def test_more_shapes(token: str) -> None:
    assert A[:12] not in Redactor().text(f"key: {token}\n")
    assert MARK in Redactor().text(f"key: {token}\n")


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (f"https://{A[:24]}@git.example.org/x.git", f"https://{MARK}@git.example.org/x.git"),
        (f"GET /x?access_token={A[:12]}&a=1", f"GET /x?access_token={MARK}&a=1"),
        (f"X-Api-Key: {A[:20]}", f"X-Api-Key: {MARK}"),
        (f"AUTHORIZATION: BEARER {A[:16]}", f"AUTHORIZATION: BEARER {MARK}"),
        (f'{{\\"Authorization\\": \\"Bearer {A[:16]}\\"}}', f'{{\\"Authorization\\": \\"Bearer {MARK}\\"}}'),
        ("api-key: see the manual of the provider", "api-key: see the manual of the provider"),
        ("https://example.org/tree?token=short", "https://example.org/tree?token=short"),
    ],
)
def test_what_stands_around_gives_it_away(text: str, left: str) -> None:
    assert Redactor().text(text) == left


def test_json_stays_json_and_its_texts_are_clean() -> None:
    inner = json.dumps({"content": f"a\n{TOKEN}\n{SPOKEN}"})
    body = json.dumps({"arguments": inner, "n": [1, None, {"k": SPOKEN, SPOKEN: 2}]}, ensure_ascii=False)
    clean = Redactor([SPOKEN]).json(body)
    assert TOKEN not in clean
    assert json.loads(clean)["n"] == [1, None, {"k": MARK, MARK: 2}]
    assert json.loads(json.loads(clean)["arguments"]) == {"content": f"a\n{MARK}\n{MARK}"}


def test_json_without_a_secret_is_the_same_text() -> None:
    body = '{ "a" :  "task-1", "b": "https://example.org/x" }'
    assert Redactor([SPOKEN]).json(body) == body


def test_every_mark_can_be_found_in_json() -> None:
    """A mark that JSON writes differently would never be seen there."""
    for marks, _ in (*TOKENS, *SHAPES):
        for mark in marks:
            assert json.dumps(mark)[1:-1] == mark


@pytest.mark.parametrize("secret", [TOKEN, SPOKEN, f"Authorization: Bearer {A[:30]}", f"api-key: {A[:20]}"])
def test_a_stream_cut_anywhere_shows_no_part_of_a_secret(secret: str) -> None:
    redactor = Redactor([SPOKEN])
    text = f"before it\nand {secret} after it\n"
    for cut in range(1, len(text)):
        stream = Stream(redactor)
        shown = stream.feed(text[:cut]) + stream.feed(text[cut:]) + stream.end()
        assert shown == redactor.text(text)


def test_a_key_block_waits_for_its_end() -> None:
    block = f"-----BEGIN PRIVATE KEY-----\n{A}\n{A}\n-----END PRIVATE KEY-----"
    stream = Stream(Redactor())
    shown = [stream.feed(line) for line in f"a\n{block}\nb\n".splitlines(keepends=True)]
    assert "".join(shown) + stream.end() == f"a\n{MARK}\nb\n"
    assert shown[0] == "a\n"


@given(
    st.lists(
        st.sampled_from(["word ", "ghp_", A[:20], A[20:40], "\n", "Bearer ", "two words, ", 'one "secret"'])
    )
)
def test_a_stream_in_pieces_shows_what_the_whole_would(pieces: list[str]) -> None:
    redactor = Redactor([SPOKEN])
    stream = Stream(redactor)
    assert "".join(map(stream.feed, pieces)) + stream.end() == redactor.text("".join(pieces))


def test_ordinary_words_are_shown_as_they_come() -> None:
    stream = Stream(Redactor())
    assert [stream.feed(f"{word} ") for word in ("It", "works", "now")] == ["It ", "works ", "now "]


def test_a_stream_never_holds_back_without_end() -> None:
    stream = Stream(Redactor())
    assert len("".join(stream.feed("x" * 1_000) for _ in range(HELD // 1_000 + 2))) >= HELD


async def test_nothing_enters_the_store_unseen(tmp_path: Path) -> None:
    """Whatever path it takes: no caller has to think of it."""
    store = await Store.open(tmp_path / "store.db", Redactor([SPOKEN]))
    body, payload = json.dumps({"text": f"{SPOKEN}\n{TOKEN}"}), json.dumps({"data": {"x": [SPOKEN, TOKEN]}})
    row = {"data": json.dumps({"x": TOKEN}), "branch": TOKEN}
    await store.open_thread(
        "t", title=f"t {TOKEN}", owner=f"o {SPOKEN}", bindings=[], events=[NewEvent("a", "1", body)], row=row
    )
    long = json.dumps({"text": "x" * 70_000 + f" {TOKEN}"})
    posts = [NewPost("p", "twin", "c", payload)]
    stored = await store.append("t", [NewEvent("a", "2", long)], posts=posts, row={"title": f"t {TOKEN}"})
    await store.post_failed((await store.pending_posts())[0].id, f"no {TOKEN} {SPOKEN}", final=False)
    assert TOKEN not in stored[0].body, "the caller folds what is on disk"
    await store.close()
    data = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert TOKEN.encode() not in data
    assert SPOKEN.encode() not in data
    assert b"secret\\\\" not in data
