"""Setups: when they run again, how they fail, and what they may take."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from codebutler.setup import shelf

if TYPE_CHECKING:
    from tests.executor.setup.conftest import Ground


async def test_the_key_follows_what_decides_and_nothing_else(ground: Ground) -> None:
    setups = await ground.setups()

    async def key(commit: str) -> str:
        return (await setups.wanted(commit))[0].key

    first = await key(ground.own("mkdir lib"))
    assert await key(ground.commit(other="x")) == first
    assert await key(ground.commit(lock="2")) != first
    assert await key(ground.own("mkdir -p lib")) != first
    unbound = await key(ground.own("mkdir lib", key=""))
    assert await key(ground.commit(other="y")) != unbound


async def test_one_builder_serves_all_who_ask(ground: Ground) -> None:
    one = ground.own("mkdir lib; curl -sS http://mirror.example.org/ran > lib/mark; sleep 0.5")
    two = ground.commit(other="x")
    setups = await ground.setups(setupAllow=["mirror.example.org:80"])
    outcomes = await asyncio.gather(setups.begin(one), setups.begin(two), setups.begin(one))
    entries = {part.entry for outcome in outcomes for part in outcome.parts}
    assert len(entries) == 1
    assert len(ground.twin.heard) == 1
    assert len(list(shelf.shelf(setups.repo).iterdir())) == 1


async def test_a_failure_says_why_and_is_not_repeated_at_once(ground: Ground) -> None:
    ask = "curl -sS --max-time 9 http://elsewhere.example.org/x"
    commit = ground.own(f"echo \"`date +%s%N` \\x1b[31mred\"; {ask}; {ask} -x ''; exit 7")
    setups = await ground.setups(setupAllow=["mirror.example.org:80"])
    (part,) = (await setups.begin(commit)).parts
    assert part.entry is None
    assert "did not succeed" in part.why
    assert "elsewhere.example.org:80" in part.fix
    assert "\x1b" not in part.output
    assert part.output.endswith("[exit code 7]")
    (again,) = (await setups.begin(commit)).parts
    assert again.output == part.output
    assert ground.left == []


async def test_without_network_nothing_is_tried(ground: Ground) -> None:
    commit = ground.commit(**{"requirements.txt": "answers\n"})
    (part,) = (await (await ground.setups()).begin(commit)).parts
    assert (part.why, part.fix.count("registries")) == ("setup has no network on this host", 1)
    assert ground.twin.heard == []


async def test_only_the_full_border_will_do(ground: Ground) -> None:
    """Neither is a command run without it, nor is what one has made before used."""
    commit = ground.own("mkdir lib; echo x > lib/x")
    setups = await ground.setups()
    assert (await setups.begin(commit)).parts[0].entry is not None
    bare = dataclasses.replace(await ground.setups(), sandbox=replace(setups.sandbox, tier="off"))
    (part,) = (await bare.begin(commit)).parts
    assert (part.entry, part.why) == (None, "setup does not run with sandbox.tier 'off'")


async def test_a_wrong_setup_of_the_repo_is_told(ground: Ground) -> None:
    commit = ground.own("true", "../out")
    (part,) = (await (await ground.setups()).begin(commit)).parts
    assert "setup.keep" in part.why


SPACE = {
    "one large file": "mkdir lib; head -c 100000000 /dev/zero > lib/a; sleep 60",
    "outside the kept folder": "mkdir lib; head -c 100000000 /dev/zero > $TMPDIR/a; sleep 60",
    "very many files": "mkdir lib; cd lib; seq 6000 | xargs mkdir; sleep 60",
    "quick": "mkdir lib; head -c 20000000 /dev/urandom > lib/a; head -c 15000000 /dev/urandom > lib/b",
}


@pytest.mark.parametrize("command", SPACE.values(), ids=SPACE)
async def test_a_setup_that_takes_too_much_space_ends(ground: Ground, command: str) -> None:
    setups = await ground.setups(setupMib=16)
    (part,) = (await setups.begin(ground.own(command))).parts
    assert part.entry is None
    assert "16 MiB" in part.why or "File too large" in part.output or "write error" in part.output
    assert ground.left == []


async def test_a_setup_that_takes_too_long_ends(ground: Ground) -> None:
    setups = await ground.setups(setupSeconds=1)
    (part,) = (await setups.begin(ground.own("mkdir lib; sleep 60"))).parts
    assert "timed out after 1 s" in part.output
    assert ground.left == []


async def test_closing_stops_a_setup_and_leaves_nothing(ground: Ground) -> None:
    setups = await ground.setups()
    task = setups.begin(ground.own("mkdir lib; touch lib/begun; sleep 60"))
    async with asyncio.timeout(30):
        while not list(shelf.shelf(setups.repo).glob("*/tree/lib/begun")):  # noqa: ASYNC110 - a folder
            await asyncio.sleep(0.05)
    await setups.close()
    assert task.cancelled()
    assert ground.left == []
