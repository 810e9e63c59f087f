"""Keys in variables that litellm reads by itself: treated like our own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from codebutler.agent.roles import load_role
from codebutler.config import load_config
from codebutler.errors import ModelRefused
from codebutler.service import doctor_models
from codebutler.service.doctor_check import Check
from codebutler.settings.borrowed import borrowed, keys_of, secrets

KEY = "canary-key-0123456789"


@pytest.mark.parametrize(
    ("provider", "name"),
    [
        ("anthropic", "ANTHROPIC_API_KEY"),
        ("anthropic", "ANTHROPIC_AUTH_TOKEN"),
        ("gemini", "GOOGLE_API_KEY"),
        ("bedrock", "AWS_SECRET_ACCESS_KEY"),
        ("bedrock", "AWS_SESSION_TOKEN"),
        ("bedrock", "AWS_BEARER_TOKEN_BEDROCK"),
        ("together_ai", "TOGETHERAI_API_KEY"),
        ("huggingface", "HF_TOKEN"),
        ("watsonx", "WATSONX_APIKEY"),
        ("azure", "AZURE_CLIENT_SECRET"),
    ],
)
def test_a_providers_key_is_found_under_its_names(provider: str, name: str) -> None:
    env = {name: f" {KEY}\n", "PATH": "/usr/bin:/usr/local/bin", "OTHER_API_KEY": "of-somebody-else"}
    assert keys_of(provider, env) == {name: KEY}
    assert {KEY, f" {KEY}\n", "of-somebody-else"} == set(secrets(env))


def test_what_is_no_key_stays_readable() -> None:
    assert borrowed({"AZURE_API_BASE": "https://models.example", "AWS_REGION": "eu-west-1-long"}) == {}
    assert borrowed({"X_API_KEY": "short", "KEYBOARD_LAYOUT": "something long"}) == {}


@pytest.mark.parametrize("given", [f"{KEY}\n{KEY}", f"\u201c{KEY}\u201d", f"{KEY}\x00"])
def test_a_key_that_cannot_be_sent_is_named_and_not_shown(given: str) -> None:
    with pytest.raises(ModelRefused, match="environment variable ANTHROPIC_API_KEY must be a key") as caught:
        keys_of("anthropic", {"ANTHROPIC_API_KEY": given})
    assert KEY not in str(caught.value)


async def pm(home: Path, env: dict[str, str]) -> list[Check]:
    env = {"CODEBUTLER_MODEL": "litellm/anthropic/claude-sonnet-4-5"} | env
    config = load_config(None, home=home, env=env, repo_text="")
    return await doctor_models.examine(config, {"pm": (load_role("pm"), "roles/pm.toml")}, env, offline=True)


async def test_the_doctor_says_which_is_there(tmp_path: Path) -> None:
    found = await pm(tmp_path, {"ANTHROPIC_API_KEY": KEY, "GROQ_API_KEY": KEY})
    assert any("ANTHROPIC_API_KEY, GROQ_API_KEY" in c.text for c in found if c.area == "keys")
    assert any(c.text.startswith("ANTHROPIC_API_KEY of the env") for c in found if c.area == "role pm")
    assert KEY not in str(found)
    (bad,) = [c for c in await pm(tmp_path, {"ANTHROPIC_API_KEY": f"{KEY}\n{KEY}"}) if c.state == "problem"]
    assert (bad.area, "ANTHROPIC_API_KEY" in bad.text, KEY in str(bad)) == ("role pm", True, False)
    assert any("no key for anthropic" in c.text for c in await pm(tmp_path, {}) if c.state == "note")


def test_an_error_of_any_command_shows_none(tmp_path: Path) -> None:
    """A file that quotes the key is named in an error: the line is redacted."""
    command = "from codebutler.cli.main import main; raise SystemExit(main())"
    env = {"WATSONX_APIKEY": KEY, "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-P", "-c", command, "show", f"--repo=/nowhere/{KEY}", "x"],
        env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert "[redacted]" in done.stderr
    assert KEY not in done.stdout + done.stderr
