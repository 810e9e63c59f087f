"""What ``codebutler doctor`` says of MCP servers."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from codebutler.config import Config
from codebutler.repo.discover import find_repo
from codebutler.service import doctor_repo, doctor_servers
from codebutler.service.doctor_check import Check
from codebutler.testing.sample import make_sample

SCRIPT = Path(__file__).resolve().parents[1] / "executor" / "mcp_server.py"
NAMED = {
    "db": {"command": "python3", "args": ["-S", "server.py"]},
    "dead": {"command": "python3", "args": ["-S", "server.py", "dead"]},
    "far": {"url": "https://mcp.dev.org/"},
}
OWN = {
    "docs": {"url": "https://docs.dev.org/mcp"},
    "odd": {"url": "https://docs.dev.org/mcp", "command": "x"},
}


async def said(folder: Path, *, live: bool = False, **mcp: object) -> list[Check]:
    sample = make_sample(folder / "sample")
    (sample.repo / "server.py").write_text(SCRIPT.read_text())
    (sample.repo / ".mcp.json").write_text(json.dumps({"mcpServers": NAMED}))
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (["add", "-A"], [*who, "commit", "-qm", "servers"]):
        subprocess.run(["git", *words], cwd=sample.repo, check=True)
    repo = await find_repo(sample.repo)
    roles, _ = await doctor_repo.roles(repo)
    return await doctor_servers.examine(repo, Config.model_validate({"mcp": mcp}), roles, live=live)


async def test_each_server_with_its_roles_and_what_is_left_out(open_tmp: Path) -> None:
    granted = {"coder": ["db"], "pm": ["docs/find", "dbb"], "researcher": ["docs"]}
    checks = await said(open_tmp, servers=OWN, roles=granted)
    assert [(c.state, c.text) for c in checks] == [
        ("problem", "mcp.servers.odd: the server 'odd' is left out: it has both a command and a url"),
        ("note", ".mcp.json: the server 'far' is left out: mcp.dev.org:443 is not in mcp.allow of this host (as committed)"),
        ("note", "mcp.roles.pm names dbb, and there is no such server"),
        ("ok", "docs, at https://docs.dev.org, named by mcp.servers.docs: for pm"),
        ("ok", "db, in the sandbox, named by .mcp.json: for coder"),
        ("note", "dead, in the sandbox, named by .mcp.json: no role may use it; mcp.roles grants it"),
    ]  # fmt: skip
    assert all(c.fix for c in checks if c.state == "problem")


async def test_a_grant_to_a_role_that_is_not_there_is_no_silence(open_tmp: Path) -> None:
    checks = await said(open_tmp, servers={"void": {}}, roles={"pmm": ["*"]})
    notes = [c.text for c in checks if c.state == "note" and c.text.startswith("mcp.")]
    assert notes == [
        "mcp.roles.pmm: there is no such role; there are artist, coder, lead, pm, researcher",
        "mcp.servers.void has neither a command nor a url, so it is no server",
    ]


async def test_asked_for_it_starts_them(open_tmp: Path) -> None:
    checks = await said(open_tmp, live=True)
    offers = next(c for c in checks if c.text.startswith("db offers"))
    assert offers.text.startswith("db offers find (reads), told, write, crash")
    assert any(c.text.startswith("db: left out: deep: its schema is nested too deeply") for c in checks)
    (dead,) = [c for c in checks if c.state == "problem"]
    assert "no licence" in dead.text
    assert dead.fix == "Mend it, or take it out of .mcp.json"


async def test_a_server_of_ones_own_network_is_told_the_key_that_lets_it_in(open_tmp: Path) -> None:
    checks = await said(
        open_tmp, live=True, servers={"near": {"url": "http://127.0.0.1:9/mcp"}}, roles={"pm": ["near"]}
    )
    (check,) = [c for c in checks if c.state == "problem" and "near" in c.text]
    assert "leads to an address that is not public" in check.text
    assert "mcp.servers.near.private = true" in check.fix
