"""Exports: every event and no secret, pages in which nothing that anybody wrote is obeyed; and the replay."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from contextlib import closing
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from markdown_it import MarkdownIt

from codebutler.errors import UsageError
from codebutler.store.store import Store
from codebutler.testing.doubles import Asked, says
from codebutler.thread.evidence import of_file, of_store
from codebutler.thread.replay import differences
from codebutler.types import ModelReply, ToolCall
from tests.end_to_end.test_keeping import cli, echo

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Room

HOSTILE = (
    "<script>alert(1)</script> <img src=x onerror=alert(1)> </pre></body> &lt;b&gt; "
    "![x](http://evil.example/track.png) [go](javascript:alert(1)) <http://evil.example>\n"
    "~~~\n~~~~\n```\n# Heading\n<iframe src=//evil.example></iframe>\n| a | b |\n\x1b[31m\u202ered"
)


async def hostile(asked: Asked) -> ModelReply:
    if len(asked.messages) < 4:
        return says(HOSTILE, ToolCall(id="c1", name="grep", arguments=json.dumps({"pattern": HOSTILE})))
    return says(f"done {HOSTILE}")


class Seen(HTMLParser):
    """The elements of a page, and what a reader reads."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


async def exported(room: Room, thread: str, form: str) -> str:
    code, out, err = await cli(room, "export", thread, "--format", form)
    assert (code, err) == (0, "")
    return out


@pytest.fixture
async def thread(room: Room) -> str:
    """A thread in which everybody tries to get markup through."""
    async with room.engine(hostile) as scene:
        return (await scene.talk("a", f"Title {HOSTILE}")).id


async def test_the_html_page_holds_no_markup_but_its_own(room: Room, thread: str) -> None:
    text = await exported(room, thread, "html")
    seen = Seen()
    seen.feed(text)
    assert seen.tags == {
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "h1",
        "h2",
        "p",
        "b",
        "time",
        "pre",
    }
    assert seen.attributes == {"lang", "charset", "http-equiv", "content", "name"}
    assert "<script>alert(1)</script>" in seen.text
    assert "default-src 'none'" in text
    assert not re.search("[\x1b\u202e]", text)


async def test_the_markdown_page_renders_to_text_alone(room: Room, thread: str) -> None:
    text = await exported(room, thread, "md")
    seen = Seen()
    seen.feed(MarkdownIt("commonmark", {"html": True}).enable("table").enable("strikethrough").render(text))
    assert seen.tags <= {"h1", "h2", "p", "strong", "code", "pre", "br"}
    assert seen.attributes <= {"class"}
    assert "<iframe src=//evil.example></iframe>" in seen.text
    assert seen.text.count("Heading") >= 4
    assert not re.search("[\x1b\u202e]", text)


async def test_jsonl_holds_every_event_and_can_be_folded_again(
    room: Room, thread: str, tmp_path: Path
) -> None:
    target = tmp_path / "thread.jsonl"
    code, out, err = await cli(room, "export", thread[:6], "-o", str(target))
    assert (code, err) == (0, "")
    assert target.stat().st_mode & 0o777 == 0o600
    records = [json.loads(line) for line in target.read_text().splitlines()]
    assert [r["kind"] for r in (records[0], records[-1])] == ["export", "export_end"]
    assert [r["seq"] for r in records[1:-1]] == list(range(1, len(records) - 1))
    code, out, _ = await cli(room, "replay", str(target))
    assert (code, out.endswith("all agrees\n")) == (0, True), out
    assert (await cli(room, "replay", thread))[1] == out
    code, _, err = await cli(room, "export", thread, "-o", str(target))
    assert (code, "is there already" in err) == (2, True)
    code, out, err = await cli(room, "export", thread, "-o", "/dev/full")
    assert (code, "/dev/full cannot be written: No space left on device" in err) == (1, True)
    code, out, err = await cli(room, "export", thread, "-o", "/dev/null")
    assert (code, err) == (0, "")
    code, out, err = await cli(room, "export", "")
    assert (code, out, "id is empty" in err) == (2, "", True), "the only thread begins with nothing, too"


async def test_a_secret_that_was_configured_later_is_not_exported(room: Room) -> None:
    async with room.engine(echo) as scene:
        thread = (await scene.talk("a", "the word is swordfish-and-chips")).id
    room.env["GITHUB_TOKEN"] = "swordfish-and-chips"
    for form in ("jsonl", "md", "html"):
        text = await exported(room, thread, form)
        assert "swordfish" not in text
        assert "the word is" in text


CHANGES = {
    "UPDATE thread SET phase = 'lead'": "thread row: phase is 'lead', the log says 'pm'",
    "UPDATE thread SET title = 'x', pr = '7'": "thread row: pr is '7', the log says ''",
    "UPDATE thread SET status = 'failed'": "thread row: status is 'failed', the log says 'answered'",
    "DELETE FROM outbox WHERE id = 1": "outbox: message pm:1 of the log is not in it",
    'UPDATE outbox SET payload = \'{"text": "other"}\' WHERE id = 1': "outbox: message pm:1 has another text",
    "UPDATE outbox SET key = 'new@x' WHERE id = 1": "outbox: message new is not in the log",
    "UPDATE outbox SET state = 'failed' WHERE id = 1": "outbox: 1 messages were given up",
    "UPDATE budget SET spent = spent + 1000000000": "money: $1.002000 is booked, the log says $0.002000",
    "UPDATE budget SET spent = spent - 1000000": "money: $0.001000 is booked",
    "UPDATE event SET seq = 'last' WHERE seq = 3": "log: event 4 stands where 3 should",
    "UPDATE event SET seq = x'ff' WHERE seq = 1": "log: event 2 stands where 1 should",
    "UPDATE event SET seq = 90 WHERE seq = 3": "log: event 4 stands where 3 should",
}


async def test_replay_finds_what_does_not_agree_with_the_log(room: Room, tmp_path: Path) -> None:
    async with room.engine(echo) as scene:
        thread = (await scene.talk("a", "one")).id
        await scene.talk("a", "two")
    store = room.sample.repo / ".codebutler" / "store.db"
    found = {}
    for number, (change, said) in enumerate(CHANGES.items()):
        spoilt = tmp_path / f"{number}.db"
        shutil.copy(store, spoilt)
        with closing(sqlite3.connect(spoilt)) as raw, raw:
            assert raw.execute(change).rowcount >= 1
        opened = await Store.open(spoilt)
        found[change] = [line for line in differences(await of_store(opened, thread)) if said in line]
        await opened.close()
    assert {change for change, lines in found.items() if not lines} == set()
    shutil.copy(spoilt, store)
    code, out, err = await cli(room, "replay", thread)
    assert (code, err) == (1, "")
    assert out.endswith(f"thread {thread}: 15 events, 1 differences\n"), out


async def test_what_is_said_where_no_door_is_left_is_missed_in_no_outbox(room: Room, tmp_path: Path) -> None:
    """A forgotten person's conversation is cut; a neighbour's thread may still say something here."""
    async with room.engine(echo) as scene:
        thread = (await scene.talk("a", "one")).id
        await scene.talk("a", "two")
    lost = "DELETE FROM outbox WHERE id = (SELECT max(id) FROM outbox WHERE slot = '')"
    for orders, wrong in (((lost,), 1), ((lost, "DELETE FROM binding"), 0)):
        copy = tmp_path / f"{wrong}.db"
        shutil.copy(room.sample.repo / ".codebutler" / "store.db", copy)
        with closing(sqlite3.connect(copy)) as raw, raw:
            assert [raw.execute(order).rowcount for order in orders] == [1] * len(orders)
        opened = await Store.open(copy)
        assert len(differences(await of_store(opened, thread))) == wrong
        await opened.close()


@pytest.mark.parametrize(
    "spoil", ["", "{}\n", "no json\n", '{"kind": "export", "version": 1, "thread": "t"}\n']
)
def test_a_file_that_is_no_export_is_one_clear_line(tmp_path: Path, spoil: str) -> None:
    (tmp_path / "x.jsonl").write_text(spoil)
    with pytest.raises(UsageError, match=r"x\.jsonl") as refused:
        of_file(tmp_path / "x.jsonl")
    assert "\n" not in str(refused.value)
