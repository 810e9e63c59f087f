"""What the doctor says of the services for pictures and voice messages."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from codebutler.agent.roles import load_role
from codebutler.config import load_config
from codebutler.service import doctor_models
from codebutler.service.doctor_check import Check
from codebutler.testing.provider import Provider

KEY = "sk-canary-0123456789abcdefghij"


async def checks(home: Path, env: dict[str, str], **sections: object) -> dict[str, list[Check]]:
    path = home / "config.json"
    path.write_text(json.dumps(sections))
    path.chmod(0o600)
    config = load_config(None, home=home, env=env, repo_text="")
    found: dict[str, list[Check]] = {}
    for check in await doctor_models.examine(config, {}, env, offline=True):
        found.setdefault(check.area, []).append(check)
    return found


async def test_who_draws_and_who_listens_is_said(tmp_path: Path) -> None:
    found = await checks(
        tmp_path, {"OPENAI_API_KEY": KEY}, speech={"baseUrl": "http://127.0.0.1:8000/v1", "model": "whisper"}
    )
    assert found["images"][0].text == "gpt-image-2.5-sunburst at OpenAI (shipped)"
    assert found["speech"][0].text.startswith("whisper at the server at http://127.0.0.1:8000/v1 (")
    assert [c.state for c in (*found["images"], *found["speech"])] == ["ok", "ok"]


async def test_without_a_service_it_is_a_note_with_the_fix(tmp_path: Path) -> None:
    found = await checks(tmp_path, {"OPENROUTER_API_KEY": KEY})
    for what in ("images", "speech"):
        (check,) = found[what]
        assert check.state == "note"
        assert f"{what}.apiKey or {what}.baseUrl" in check.text


@pytest.mark.parametrize("what", ["images", "speech"])
async def test_a_key_that_would_travel_in_the_clear_is_seen(tmp_path: Path, what: str) -> None:
    at = {"baseUrl": "http://models.example/v1", "apiKey": KEY}
    found = await checks(tmp_path, {"OPENROUTER_API_KEY": KEY}, **{what: at})
    assert "http://models.example/v1 travels unencrypted" in found["models"][0].text
    assert KEY not in str(found)


async def test_what_is_the_matter_with_several_roles_is_said_once(tmp_path: Path) -> None:
    env = {
        "ANTHROPIC_API_KEY": "two\nlines-of-a-key",
        "CODEBUTLER_MODEL": "litellm/anthropic/claude-sonnet-4-5",
    }
    config = load_config(None, home=tmp_path, env=env, repo_text="")
    roles = {name: (load_role(name), "") for name in ("pm", "coder", "lead")}
    found = [c for c in await doctor_models.examine(config, roles, env, offline=True) if c.state == "problem"]
    assert [c.area for c in found] == ["role pm"]
    assert found[0].text.endswith("(and so for coder, lead)")


async def test_models_through_litellm_alone_are_a_setup_that_works(tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    env = {"ANTHROPIC_API_KEY": KEY, "CODEBUTLER_MODEL": "litellm/anthropic/claude-sonnet-4-5"}
    assert "models" not in await checks(tmp_path, env)
    (check,) = (await checks(tmp_path / "none", {}))["models"]
    assert (check.state, check.text) == ("problem", "no model provider is set up")


async def test_an_address_without_its_v1_is_not_called_well(tmp_path: Path) -> None:
    async with Provider.run() as server:
        server.models = {"data": [{"id": "m"}]}
        for url, state in ((server.url.removesuffix("/v1"), "note"), (server.url, "ok")):
            config = load_config(None, home=tmp_path, env={"OPENAI_BASE_URL": url}, repo_text="")
            found = await doctor_models.examine(config, {}, {}, offline=False)
            (check,) = [c for c in found if c.area == "models"]
            assert check.state == state, check.text
            assert (f"is it {server.url}?" in check.text) == (state == "note")
