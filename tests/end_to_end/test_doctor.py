"""``codebutler doctor`` and ``codebutler config`` as a person runs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from codebutler.testing.provider import Provider
from codebutler.testing.stage import Stage

STRANGER = 54321
"""A user id that no passwd file has."""
KEY = "sk-canary-0123456789abcdefghij"


class Patient:
    """The stage's repo, with a doctor at hand."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    async def doctor(self, *words: str, **env: str) -> tuple[int, dict[str, Any]]:
        """Exit code and report; no secret is in it."""
        code, out, err = await self.stage.starter(
            ("doctor", "--json", *words), self.stage.sample.repo, self.stage.env() | env
        )
        assert err == b""
        assert KEY not in out.decode()
        return code, json.loads(out)

    def commit(self) -> None:
        """Commit what stands in .codebutler."""
        self.stage.git("add", ".codebutler")
        who = ("-c", "user.name=Person", "-c", "user.email=person@example.org")
        self.stage.git(*who, "commit", "-qm", "CodeButler's files")

    async def problems(self, *words: str, **env: str) -> dict[str, str]:
        """area → text and fix of what is wrong."""
        code, report = await self.doctor(*words, **env)
        found = {c["area"]: f"{c['text']}. {c['fix']}" for c in report["checks"] if c["state"] == "problem"}
        assert all(c["fix"] for c in report["checks"] if c["state"] == "problem")
        assert (code, report["ok"]) == ((1, False) if found else (0, True))
        return found


@pytest.fixture
def patient(stage: Stage) -> Patient:
    return Patient(stage)


async def test_a_sound_setup_has_no_problem(patient: Patient) -> None:
    code, report = await patient.doctor()
    assert code == 0, report["checks"]
    areas = {c["area"] for c in report["checks"]}
    assert areas >= {"python", "git", "ripgrep", "repo", "remote", "config", "home", "sandbox", "keys"}
    assert areas >= {"models", "role pm", "role coder", "disk", "store", "global store"}
    limits = {s["key"]: (s["value"], s["from"]) for s in report["settings"]}
    assert limits["limits.maxConcurrentThreads"] == (3, "shipped")


async def test_origins_of_models_and_limits(patient: Patient) -> None:
    inner = patient.stage.sample.repo / ".codebutler"
    inner.mkdir()
    (inner / "config.json").write_text('{"models": {"pm": {"default": "x/y"}}, "limits": {"usdPerDay": 2}}')
    patient.commit()
    _, report = await patient.doctor("--offline")
    text = {c["area"]: c["text"] for c in report["checks"]}
    assert text["role pm"].startswith(f"x/y ({inner / 'config.json'})")
    assert "(roles/coder.toml)" in text["role coder"]
    assert {s["key"]: s["from"] for s in report["settings"]}["limits.usdPerDay"] == str(inner / "config.json")
    _, report = await patient.doctor("--offline", CODEBUTLER_MODEL="one")
    assert "one (CODEBUTLER_MODEL)" in {c["area"]: c["text"] for c in report["checks"]}["role coder"]


async def test_no_key(patient: Patient) -> None:
    assert "OPENROUTER_API_KEY" in (await patient.problems(OPENAI_BASE_URL="", OPENAI_API_KEY=""))["models"]


async def test_a_server_that_is_not_there(patient: Patient) -> None:
    found = await patient.problems(OPENAI_BASE_URL="http://127.0.0.1:9/v1")
    assert "cannot be reached" in found["models"]
    assert await patient.problems("--offline", OPENAI_BASE_URL="http://127.0.0.1:9/v1") == {}


async def test_a_server_that_does_not_take_the_key(patient: Patient) -> None:
    from aiohttp import web

    async def refuse(_request: web.Request) -> web.Response:
        return web.Response(status=401)

    app = web.Application()
    app.router.add_get("/v1/models", refuse)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found = await patient.problems(OPENAI_BASE_URL=f"http://127.0.0.1:{runner.addresses[0][1]}/v1")
    await runner.cleanup()
    assert "does not accept the key" in found["models"]
    assert "OPENAI_API_KEY" in found["models"]


async def test_a_model_that_the_server_lacks_is_told(patient: Patient) -> None:
    async with Provider.run() as provider:
        pricing = {"prompt": "5e-7", "completion": "2e-6"}
        provider.models = {"data": [{"id": "local-7b", "pricing": pricing}]}
        _, report = await patient.doctor(OPENAI_BASE_URL=provider.url)
    notes = [c["text"] for c in report["checks"] if c["state"] == "note"]
    assert any("local-7b answers" in text for text in notes)
    roles = [c["text"] for c in report["checks"] if c["area"] == "role pm" and c["state"] == "ok"]
    assert "0.5 / 2 USD per million tokens" in roles[0], "the price of whoever answers, from its own list"


async def test_broken_configuration(patient: Patient) -> None:
    home = patient.stage.home / "butler"
    home.mkdir(parents=True, exist_ok=True)
    (home / "config.json").write_text('{"limits": {"maxCalls": 1}}')
    (home / "config.json").chmod(0o600)
    found = await patient.problems("--offline")
    assert "limits.maxCallsPerHour" in found["config"]


async def test_a_damaged_store(patient: Patient) -> None:
    inner = patient.stage.sample.repo / ".codebutler"
    inner.mkdir()
    (inner / "store.db").write_bytes(b"this is no database" * 1000)
    found = await patient.problems("--offline")
    assert "cannot be read" in found["store"]
    assert (inner / "store.db").exists(), "nothing is changed"


async def test_the_committed_config_holds_and_another_in_the_checkout_is_told(patient: Patient) -> None:
    file = patient.stage.sample.repo / ".codebutler" / "config.json"
    file.parent.mkdir()
    file.write_text('{"limits": {"usdPerDay": 2}}')
    patient.commit()
    file.write_text('{"limits": {"usdPerDay": 1}}')
    _, report = await patient.doctor("--offline")
    assert {s["key"]: s["value"] for s in report["settings"]}["limits.usdPerDay"] == 2
    assert any("takes effect when committed" in c["text"] for c in report["checks"] if c["state"] == "note")
    shown = await patient.stage.cli("config", "limits.usdPerDay", "--json")
    assert shown.lines[0]["limits.usdPerDay"]["value"] == 2
    file.write_text('{"limits": {"usdPerDy": 1}}')
    assert "not committed yet: " in (await patient.problems("--offline"))["config"]


async def test_a_broken_role_of_the_last_commit(patient: Patient) -> None:
    roles = patient.stage.sample.repo / ".codebutler" / "roles"
    roles.mkdir(parents=True)
    (roles / "pm.toml").write_text("model = [")
    assert await patient.problems("--offline") == {}, "what is not committed does not hold"
    patient.commit()
    found = await patient.problems("--offline")
    assert ".codebutler/roles/pm.toml is not valid TOML" in found["role pm"]
    (roles / "pm.toml").write_text('model = "x/y"')
    patient.commit()
    _, report = await patient.doctor("--offline")
    text = {c["area"]: c["text"] for c in report["checks"] if c["state"] == "ok"}
    assert "(.codebutler/roles/pm.toml)" in text["role pm"]


@pytest.mark.parametrize("url", ["https://forge.example/a/b.git", "git@forge.example:a/b.git"])
async def test_a_remote_on_a_server_needs_the_local_forge_for_now(patient: Patient, url: str) -> None:
    patient.stage.git("remote", "set-url", "origin", url)
    found = await patient.problems("--offline")
    assert '"forge": "local"' in found["remote"]
    home = patient.stage.home / "butler"
    home.mkdir(parents=True, exist_ok=True)
    (home / "config.json").write_text('{"forge": "local"}')
    (home / "config.json").chmod(0o600)
    assert await patient.problems("--offline") == {}
    assert not (patient.stage.sample.repo / ".codebutler").exists(), "nothing is changed"


async def test_webhooks_without_a_secret_are_a_problem(patient: Patient) -> None:
    patient.stage.git("remote", "set-url", "origin", "https://github.com/acme/parcelrate.git")
    patient.stage.configure({"github": {"token": "ghp_0123456789", "listen": "127.0.0.1:8090"}})
    found = await patient.problems("--offline")
    assert "github.listen is set without github.webhookSecret" in found["github"]
    assert await patient.problems("--offline", GITHUB_WEBHOOK_SECRET="s3cret-s3cret") == {}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
@pytest.mark.parametrize("mode", [0o755, 0o700])
async def test_another_users_store_is_left_alone(patient: Patient, mode: int) -> None:
    from codebutler.service import doctor_host

    assert doctor_host.store(patient.stage.sample.repo / ".codebutler" / "store.db", "store").state == "ok"
    inner = patient.stage.sample.repo / ".codebutler"
    inner.mkdir()
    (inner / "store.db").touch(0o600)
    inner.chmod(mode)
    code = (  # the interpreter itself may lie where only root can read, so it is left last
        "import os, sys; from pathlib import Path; from codebutler.service import doctor_host as d;"
        f"os.setgroups([]); os.setgid({STRANGER}); os.setuid({STRANGER});"
        "c = d.store(Path(sys.argv[1]), 'store'); print(c.state, c.text, c.fix, sep='\\n')"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, str(inner / "store.db")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    state, text, fix = done.stdout.splitlines()
    assert state == "problem"
    assert "belongs to root (uid 0)" in text
    assert f"uid {STRANGER}" in text
    assert "Run codebutler as that user" in fix
    assert "move" not in fix


async def test_no_repo_here(patient: Patient, tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    assert (
        "not in a git repository"
        in (await patient.problems("--offline", "--repo", str(tmp_path / "plain")))["repo"]
    )


async def test_notes_are_no_problems(patient: Patient) -> None:
    home = patient.stage.home / "butler"
    home.mkdir(parents=True, exist_ok=True)
    (home / "config.json").write_text('{"sandbox": {"allow": ["example.org:443"]}}')
    (home / "config.json").chmod(0o644)
    _, report = await patient.doctor(
        "--offline", OPENAI_BASE_URL="http://models.example/v1", CODEBUTLER_UNSAFE_NO_SANDBOX="1"
    )
    notes = "\n".join(c["text"] for c in report["checks"] if c["state"] == "note")
    for words in (
        "is now 0600",
        "reach example.org:443",
        "travels unencrypted",
        "switched off",
    ):
        assert words in notes
    assert report["ok"]


async def test_config_shows_values_origins_and_no_secret(patient: Patient) -> None:
    run = await patient.stage.cli("config", "openai", "--json")
    assert run.code == 0
    assert run.lines[0]["openai.apiKey"] == {"value": "(set)", "from": "OPENAI_API_KEY"}
    assert run.lines[0]["openai.baseUrl"] == {"value": patient.stage.server.url, "from": "OPENAI_BASE_URL"}
    assert KEY not in json.dumps(run.lines)
    wrong = await patient.stage.cli("config", "nonsense")
    assert wrong.code == 2
    assert "no key 'nonsense'" in wrong.stderr
