"""Secrets leave text whatever form they have; ordinary text stays as it is."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codebutler.redact import MARK, Redactor

A = "aB3dE6gH9jK2mN5pQ8rS1tU4vW7xY0zA3bC6dE9fG2hJ5kL8mN1pQ4rS7tU0vW3x"
PEM = f"-----BEGIN RSA PRIVATE KEY-----\n{A}\n{A}\n-----END RSA PRIVATE KEY-----"

SHAPES = {
    "openai": f"sk-{A[:48]}",
    "openai project": f"sk-proj-{A[:20]}_{A[:20]}-{A[:4]}",
    "openrouter": f"sk-or-v1-{A[:48]}",
    "anthropic": f"sk-ant-api03-{A[:40]}-{A[:6]}AA",
    "compatible": f"sk-lf-{A[:30]}",
    "slack bot": f"xoxb-123456789012-1234567890123-{A[:24]}",
    "slack user": f"xoxp-123456789012-{A[:24]}",
    "slack app": f"xapp-1-A0123-1234567890123-{A}",
    "slack hook": f"hooks.slack.com/services/T00000000/B00000000/{A[:24]}",
    "github classic": f"ghp_{A[:36]}",
    "github oauth": f"gho_{A[:36]}",
    "github server": f"ghs_{A[:36]}",
    "github fine": f"github_pat_{A[:22]}_{A[:59]}",
    "gitlab": f"glpat-{A[:20]}",
    "aws id": "AKIAIOSFODNN7EXAMPLE",
    "google": f"AIza{A[:35]}",
    "linear": f"lin_api_{A[:40]}",
    "hugging face": f"hf_{A[:34]}",
    "discord": f"MTE{A[:23]}.{A[:6]}.{A[:38]}",
    "jwt": f"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.{A[:43]}",
    "pem": PEM,
    "pem in json": json.dumps(PEM)[1:-1],
    "pem cut off": PEM[:90],
}

IN_PLACE = {
    "password: hunter2hunter2": f"password: {MARK}",
    "the box takes password=hunter2hunter2, they say": f"the box takes password={MARK}, they say",
    f"https://user:{A[:12]}@example.org/x.git": f"https://{MARK}@example.org/x.git",
    f"postgres://:{A[:12]}@db/x": f"postgres://{MARK}@db/x",
    f"Authorization: Bearer {A[:16]}": f"Authorization: Bearer {MARK}",
    'Authorization: Basic dXNlcjpwYXNz"': f'Authorization: Basic {MARK}"',
    f'"authorization": "token {A[:16]}"': f'"authorization": "token {MARK}"',
    f"curl -H 'X: bearer {A[:30]}'": f"curl -H 'X: bearer {MARK}'",
    f"aws_secret_access_key = {A[:40]}": f"aws_secret_access_key = {MARK}",
}

HARMLESS = [
    "64a2aa6d2b7e3a9f0c1d5e8b7a6f4c3d2e1b0a9f",
    "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "123e4567-e89b-12d3-a456-426614174000",
    "task-something-with-a-long-name-and-1-number",
    "disk-usage-report-for-the-whole-cluster-2024",
    "git@github.com:owner/name.git and ssh://git@example.org/x.git",
    "https://example.org:8443/a?b=c@d and http://127.0.0.1:8080/v1",
    "the bearer authentication of this service, bearer tokens",
    "Authorization is checked in auth.py:31",
    "sk-learn, sk_live, xoxb, ghp_, AKIA, eyJ, AIza",
    "connect(password=password, user=u1), login(password=get_password2(name))",
    "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk",
    "sha512-W1V6cdGTBMs9DVlM2kXWvZDvbbFWeLVDfVGeUcqmuzUTJBRE4hMwbjhXXcYHUdTdrmzeVZ7Yaw==",
]


@pytest.mark.parametrize("token", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("around", ["{}", "key={} end", '{{"k": "{}"}}', "a\n{}\nb", "`{}`", "x/{}"])
def test_a_well_known_shape_goes_wherever_it_stands(token: str, around: str) -> None:
    text = Redactor().text(around.format(token))
    assert token not in text
    assert A[:12] not in text
    if "BEGIN" not in token or "END" in token:
        assert text == around.format(MARK)


@pytest.mark.parametrize(("text", "left"), IN_PLACE.items())
def test_only_the_secret_part_goes(text: str, left: str) -> None:
    assert Redactor().text(text) == left


@pytest.mark.parametrize("text", HARMLESS)
def test_ordinary_text_stays(text: str) -> None:
    assert Redactor(["configured-secret"]).text(text) == text


def test_this_repos_own_source_stays() -> None:
    """All but the twins, which plant canaries on purpose."""
    root = Path(__file__).parents[2] / "codebutler"
    for file in set(root.glob("**/*.py")) - set(root.glob("testing/**/*.py")):
        source = file.read_text()
        assert Redactor().text(source) == source, file


CANARY = 'c4nary/with+odd"chars=and ü'
FORMS = {
    "plain": CANARY,
    "url": quote(CANARY, safe=""),
    "json": json.dumps(CANARY),
    "base64": base64.b64encode(CANARY.encode()).decode(),
    "basic auth": base64.b64encode(f"user:{CANARY}".encode()).decode(),
    "basic auth, shifted": base64.b64encode(f"me:{CANARY}:x".encode()).decode(),
    "no padding": base64.urlsafe_b64encode(f"u2:{CANARY}".encode()).decode().rstrip("="),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_configured_value_goes_in_every_form(form: str) -> None:
    text = Redactor([CANARY]).text(f"before {form} after")
    assert form not in text
    assert MARK in text
    assert (text.startswith("before "), text.endswith(" after")) == (True, True)
    left = text.removeprefix("before ").removesuffix(" after").replace(MARK, "")
    assert len(left) < 14, "only what stood around the value inside the base64 is left"


@given(st.text(min_size=6, max_size=60).filter(lambda s: len(s.strip()) >= 6), st.binary(max_size=5))
def test_any_value_goes_plain_and_inside_base64(secret: str, before: bytes) -> None:
    redactor = Redactor([secret])
    assert secret.strip() not in redactor.text(f"x {secret} y").replace(MARK, "")
    wrapped = base64.b64encode(before + secret.strip().encode() + b"tail").decode()
    assert redactor.text(wrapped) != wrapped


def test_a_key_without_the_words_that_name_its_kind_goes_too() -> None:
    for kind in ("sk-", "sk-or-v1-", "sk-ant-api03-", ""):
        text = Redactor([f"{kind}a8Fh27Ksq0-ZmP4ndTY3"]).text("it is a8Fh27Ksq0-ZmP4ndTY3, say I")
        assert text == f"it is {MARK}, say I"


def test_the_longer_of_two_values_goes_first() -> None:
    assert Redactor(["abcdef", "abcdef-ghijkl"]).text("abcdef-ghijkl abcdef") == f"{MARK} {MARK}"


def test_a_very_short_value_does_not_shred_the_text() -> None:
    assert Redactor(["a", "", "  ", "the"]).text("the cat sat") == "the cat sat"


@pytest.mark.parametrize("text", [*SHAPES.values(), *IN_PLACE, *HARMLESS, CANARY])
def test_twice_is_the_same_as_once(text: str) -> None:
    redactor = Redactor([CANARY])
    once = redactor.text(text)
    assert redactor.text(once) == once


@pytest.mark.parametrize(
    "piece",
    [
        "def f(x): return x  # comment\n",
        "-----BEGIN PRIVATE KEY-----",
        "-----BEGIN A A ",
        "authorization: ",
        "eyJaaaaaaaa-",
        "eyJaaaaaaaa.",
        "Bearer a1",
        "bearer ",
        "sk-abc1",
        "sk-a-",
        "://a:b",
        "ghp_",
        "M",
    ],
)
def test_no_text_makes_it_slow(piece: str) -> None:
    """100 KB in far under a second, for hostile text too (a quadratic search would take many)."""
    redactor = Redactor([f"configured-secret-{n}" for n in range(20)])
    started = time.perf_counter()
    redactor.text(piece * (100_000 // len(piece)))
    assert time.perf_counter() - started < 1.0
