"""What the doctor says of a repo's dependencies, without installing or making anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codebutler.service.doctor_setup import examine

if TYPE_CHECKING:
    from tests.executor.setup.conftest import Ground


async def told(ground: Ground, **sandbox: object) -> list[tuple[str, str]]:
    setups = await ground.setups(**sandbox)
    checks = await examine(setups.repo, setups.config, ground.home)
    assert not (ground.repo / ".codebutler/branches").exists()
    assert {check.area for check in checks} == {"setup"}
    return [(check.state, f"{check.text} {check.fix}") for check in checks]


async def test_nothing_to_install(ground: Ground) -> None:
    ((state, text),) = await told(ground)
    assert (state, "nothing to install" in text) == ("ok", True)


async def test_no_network_yet(ground: Ground) -> None:
    ground.commit(**{"requirements.txt": "answers\n"})
    ((state, text),) = await told(ground)
    assert state == "note"
    assert "will not be installed: setup has no network" in text
    assert '"registries": ["pypi"]' in text


async def test_a_registry_is_named_with_its_price_and_without_its_password(ground: Ground) -> None:
    ground.commit(**{"requirements.txt": "answers\n"})
    said = await told(ground, **ground.pypi)
    assert said[0] == ("ok", "python (requirements.txt): will be installed when a thread starts ")
    assert any("user and password are left out" in text for _, text in said)
    assert "index.example.org:80" in said[-1][1]
    assert "may exfiltrate source" in said[-1][1]
    assert ground.password not in repr(said)


async def test_a_tool_that_names_no_registry(ground: Ground) -> None:
    ground.commit(**{"Cargo.lock": ""})
    said = await told(ground, registries=["crates"])
    assert ("problem", True) in [(state, "setupAllow" in text) for state, text in said]


async def test_switched_off_and_wrong(ground: Ground) -> None:
    ((state, text),) = await told(ground, setup=False)
    assert (state, "switched off" in text) == ("note", True)
    ground.commit(**{".codebutler/config.json": '{"setup": {"command": "x", "keep": ["/etc"]}}'})
    ((state, text),) = await told(ground)
    assert (state, "setup.keep" in text) == ("problem", True)
