"""``codebutler run --attach``: files reach the role that hears the task; what that cost is booked and told."""

from __future__ import annotations

from pathlib import Path

import pytest

from codebutler.testing.media import png, voice
from codebutler.testing.stage import Stage

HEARS = """
sees = true
[[scripts]]
role = "pm"
[[scripts.steps]]
expect = ["What are these?", "(in the voice message v.ogg) The colours", "[attached: notes.md, text/plain]", "blue, red",
  "The attached picture shot.png"]
calls = [{ name = "draw", arguments = { request = "A red kite" } }]
[[scripts.steps]]
expect = ["[made: kite.png, 16x16]"]
text = "Colours."

[[scripts]]
role = "artist"
[[scripts.steps]]
calls = [{ name = "generate_image", arguments = { prompt = "A kite", path = "kite.png", size = "16x16" } }]
[[scripts.steps]]
text = "Here it is."
"""


@pytest.mark.parametrize("stage", [HEARS], indirect=True)
async def test_files_go_with_the_task(stage: Stage, tmp_path: Path) -> None:
    files = {"v.ogg": voice("The colours"), "notes.md": b"blue, red\n", "shot.png": png(2, 2)}
    words = ["run", "What are these?", "--json"]
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
        words += ["--attach", str(tmp_path / name)]
    done = await stage.cli(*words)
    assert (done.code, stage.server.failures) == (0, []), done.stderr
    assert done.summary["outcome"] == "answered"
    said = [line["post"]["text"] for line in done.of("posted")]
    assert "> The colours" in said[0]
    assert said[-1] == "Colours."
    assert done.summary["usd"] == pytest.approx(0.006 + 0.03193)
    replayed = await stage.cli("replay", done.summary["thread"])
    assert replayed.code == 0, "what was booked is what the log says"
