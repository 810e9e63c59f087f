"""A channel that config.json names and that ``serve`` does not know of: once, who writes there is told."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

from codebutler.repo.discover import find_repo
from codebutler.service.unsettled import STALE, UNCOMMITTED, Unsettled
from codebutler.testing.sample import Sample

CHANNEL = "CSHOP0001"


def commit(repo: Path) -> None:
    for words in (("add", "-f", ".codebutler/config.json"), ("commit", "-q", "-m", "Talk here")):
        command = ["git", "-c", "user.name=e", "-c", "user.email=e@example.invalid", "-C", str(repo), *words]
        subprocess.run(command, check=True)


def write(repo: Path, **slack: object) -> None:
    (repo / ".codebutler").mkdir(exist_ok=True)
    (repo / ".codebutler/config.json").write_text(json.dumps({"slack": slack}))


async def test_each_person_is_told_once_of_a_channel(
    tmp_path: Path, sample_in: Callable[[Path], Sample]
) -> None:
    root = sample_in(tmp_path).repo
    repo = await find_repo(root)
    write(root, channelID=CHANNEL)
    unsettled = Unsettled(repo)
    said = [await unsettled("slack", CHANNEL, user) for user in ("U1", "U1", "U2")]
    assert said == [UNCOMMITTED, "", UNCOMMITTED]
    assert await unsettled("slack", "CTALK0001", "U1") == ""
    assert await unsettled("discord", CHANNEL, "U3") == ""
    commit(root)
    assert await Unsettled(repo)("slack", CHANNEL, "U1") == STALE
    write(root, channels=["CTALK0001"])
    assert await Unsettled(repo)("slack", "CTALK0001", "U1") == UNCOMMITTED


async def test_a_file_that_cannot_be_read_tells_nothing(
    tmp_path: Path, sample_in: Callable[[Path], Sample]
) -> None:
    root = sample_in(tmp_path).repo
    repo = await find_repo(root)
    assert await Unsettled(repo)("slack", CHANNEL, "U1") == ""
    (root / ".codebutler").mkdir(exist_ok=True)
    for text in ("{", '{"slack": []}', '{"slack": {"channels": 3}}'):
        (root / ".codebutler/config.json").write_text(text)
        assert await Unsettled(repo)("slack", CHANNEL, "U1") == ""
