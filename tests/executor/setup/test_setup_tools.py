"""Real tools install from a twin of a registry, through the proxy, once for every worktree."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.executor.setup.conftest import Ground


async def test_pip_installs_from_a_registry_and_the_worktree_finds_it(ground: Ground) -> None:
    commit = ground.commit(**{"requirements.txt": "answers\n"})
    setups = await ground.setups(**ground.pypi)
    outcome = await setups.begin(commit)
    assert [(p.why, p.output, p.cached) for p in outcome.parts] == [("", "", False)]
    use = "python -c 'import answers; print(answers.ANSWER)'; which python pip"
    said, changes, tree = await ground.run(outcome, use)
    assert said.split() == ["42", "/codebutler/tree/.venv/bin/python", "/codebutler/tree/.venv/bin/pip"]
    assert changes == []
    assert list((tree / ".venv").iterdir()) == []
    assert [p.cached for p in (await setups.begin(commit)).parts] == [True]
    assert ground.password not in json.dumps(ground.twin.heard)
    assert "/simple/answers/" in "".join(ground.twin.heard)


@pytest.mark.skipif(
    shutil.which("npm", path="/usr/local/bin:/usr/bin:/bin") is None, reason="npm is not in /usr here"
)
async def test_npm_installs_from_a_registry(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("npm_config_registry", "http://index.example.org/")
    digest = ground.twin.offer_npm("lefty")
    wanted = {"": {"name": "x", "version": "1.0.0", "dependencies": {"lefty": "1.0.0"}}}
    place = {
        "version": "1.0.0",
        "resolved": "http://index.example.org/lefty/-/lefty-1.0.0.tgz",
        "integrity": digest,
    }
    lock = {
        "name": "x",
        "version": "1.0.0",
        "lockfileVersion": 3,
        "packages": wanted | {"node_modules/lefty": place},
    }
    commit = ground.commit(**{"package.json": json.dumps(wanted[""]), "package-lock.json": json.dumps(lock)})
    setups = await ground.setups(registries=["npm"], private=["index.example.org:80"])
    outcome = await setups.begin(commit)
    assert [(p.why, p.output) for p in outcome.parts] == [("", "")]
    said, changes, _ = await ground.run(outcome, "node -p 'require(\"lefty\").side'")
    assert said.split() == ["left"]
    assert changes == []


async def test_paths_that_a_setup_wrote_down_hold_in_every_worktree(ground: Ground) -> None:
    commit = ground.own(
        'python3 -m venv --without-pip .venv; pwd > "$(echo .venv/lib/python3*/site-packages)/own.pth"; '
        "printf '#!%s/.venv/bin/python\\nimport mine; print(mine.WHO)\\n' \"$PWD\" > .venv/bin/tell; "
        "chmod +x .venv/bin/tell",
        ".venv",
    )
    commit = ground.commit(**{"mine.py": "WHO = 1\n"})
    outcome = await (await ground.setups()).begin(commit)
    assert [(p.why, p.output) for p in outcome.parts] == [("", "")]
    said, changes, tree = await ground.run(
        outcome,
        "export PYTHONDONTWRITEBYTECODE=1; tell; echo 'WHO = 22' > mine.py; .venv/bin/tell; cd /tmp; tell",
    )
    assert said.split() == ["1", "22", "22"]
    assert changes == ["mine.py"]
    assert str(tree.parent / ".deps") not in said
