"""Pictures that a tool shows: images for models that see, words for others; bytes in blobs, never in the log."""

from __future__ import annotations

import base64
import json
import struct
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from codebutler.cli.session import open_session
from codebutler.service.app import find_place
from codebutler.surfaces.terminal import Terminal
from codebutler.testing.sample import make_sample
from codebutler.testing.scenario import parse_scenario
from codebutler.testing.scripted import ScriptedModel
from codebutler.testing.stage import Stage

PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 3, 2) + bytes(range(256)) * 400
PNG += b"\0\0\0\0IEND\xaeB`\x82"
LOOK = """
sees = SEES
[[scripts]]
role = "pm"
[[scripts.steps]]
calls = [
  { name = "read", arguments = { path = "shot.png" } },
  { name = "glob", arguments = { pattern = "*.png" } },
]
[[scripts.steps]]
expect = ["image 3x2, image/png"]
calls = [{ name = "glob", arguments = { pattern = "*.md" } }]
[[scripts.steps]]
text = "A picture."
"""


async def _life(
    folder: Path, *, sees: bool
) -> tuple[list[list[Any]], list[str], list[bytes | None], list[Any]]:
    """Of one thread: the messages of each request, the log's bodies, the kept pictures, the transcript."""
    sample = make_sample(folder / "sample")
    (sample.repo / "shot.png").write_bytes(PNG)
    async with ScriptedModel(
        parse_scenario(LOOK.replace("SEES", str(sees).lower())), keep_bodies=True
    ) as server:
        stage = Stage(sample, folder / "home", server)
        stage.git("add", "shot.png")
        stage.git("-c", "user.name=P", "-c", "user.email=p@example.invalid", "commit", "-qm", "shot")
        stage.git("push", "-q", "origin", "HEAD")
        place = await find_place(sample.repo, home=folder / "butler", env=stage.env())
        async with open_session(place, [Terminal(Console(), quiet=True)]) as session:
            await session.begin("look")
            await session.say("What does the picture show?")
            async for batch in session.batches():
                if not batch and await session.at_rest():
                    break
            store = session.host.store
            bodies = [row.body for row in await store.events(session.thread)]
            finished = [json.loads(body) for body in bodies if '"tool_finished"' in body]
            shas = [each["sha256"] for row in finished for each in row["pictures"]]
            kept = [await store.get_blob(sha) for sha in shas]
            assert server.failures == []
            assert session.state.outcome == "answered"
            requests = [asked.body["messages"] for asked in server.requests]
            return requests, bodies, kept, session.state.frames["pm"].messages


@pytest.mark.parametrize("sees", [True, False])
async def test_a_picture_reaches_models_as_they_can_take_it(open_tmp: Path, sees: bool) -> None:
    requests, bodies, kept, transcript = await _life(open_tmp, sees=sees)
    assert [message["role"] for message in requests[1][-4:]] == ["assistant", "tool", "tool", "user"]
    shown = requests[1][-1]["content"]
    if sees:
        url = "data:image/png;base64," + base64.b64encode(PNG).decode()
        assert shown[0]["text"] == "The picture that read showed (image/png):"
        assert shown[1] == {"type": "image_url", "image_url": {"url": url}}
    else:
        assert shown.startswith("The picture that read showed (image/png): You cannot see it")
        assert "base64" not in json.dumps(requests)
    for before, after in pairwise(requests):
        assert after[: len(before)] == before
    assert kept == [PNG]
    assert max(map(len, bodies)) < 20_000
    assert "blob:image/png," in json.dumps(transcript)
