"""What happens in threads, as lines of the service's log."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from codebutler import logs
from codebutler.events import KINDS
from codebutler.redact import Redactor
from codebutler.service import narrate
from codebutler.service.narrate import WIDTH, narrator
from codebutler.store.rows import NewEvent, StoredEvent
from codebutler.store.store import Store

GOLDEN = Path(__file__).parent / "golden"
Lines = list[dict[str, str]]


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Path]:
    logs.keep(Redactor(), tmp_path / "x.log", json_lines=True)
    yield tmp_path / "x.log"
    logs.close()


def lines(file: Path) -> Lines:
    return [json.loads(line) for line in file.read_text().splitlines()]


def told(name: str, file: Path) -> Lines:
    rows = [json.loads(line) for line in (GOLDEN / f"{name}.jsonl").read_text().splitlines()]
    narrator("shop")([StoredEvent("t1", n, r["kind"], "k", json.dumps(r), 0.0) for n, r in enumerate(rows)])
    return lines(file)


def test_a_whole_thread_reads_as_what_people_saw(file: Path) -> None:
    found = told("demo_thread", file)
    assert {line["tag"] for line in found} >= {"INF", "MSG", "PM", "CLD", "LED", "RSP", "MEM"}
    assert {line["role"] for line in found if line["tag"] == "CLD"} == {"coder", ""}
    assert {(line["repo"], line["thread"]) for line in found} == {("shop", "t1")}
    assert any("approves the plan" in line["text"] for line in found if line["tag"] == "MSG")
    assert max(len(line["text"]) for line in found) < 3 * WIDTH


@pytest.mark.parametrize("name", ["every_kind", "least_of_every_kind"])
def test_every_kind_of_every_age_has_words(file: Path, name: str) -> None:
    assert all(line["text"].strip() for line in told(name, file))
    assert set(narrate._LINES) <= set(KINDS)


async def test_a_store_tells_what_is_new_and_on_disk(tmp_path: Path, file: Path) -> None:
    store = await Store.open(tmp_path / "s.db")
    store.witness = narrator("shop")
    opened = NewEvent("thread_opened", "o", json.dumps({"kind": "thread_opened", "title": "A bug"}))
    ended = NewEvent("turn_ended", "e", json.dumps({"kind": "turn_ended", "outcome": "answered"}))
    for _ in range(2):
        await store.open_thread("t1", title="A bug", owner="r", bindings=[("slack", "C:1")], events=[opened])
        await store.append("t1", [ended])
    await store.close()
    assert [line["text"] for line in lines(file)] == ["opened: A bug", "at rest: answered"]


def test_what_people_write_can_neither_fill_the_log_nor_name_fields(file: Path) -> None:
    body = {"author": {"name": "{by}"}, "text": "{title} {0}\n" + "x" * 9_999}
    narrator("shop")([StoredEvent("t1", 1, "message_received", "k", json.dumps(body), 0.0)])
    narrator("shop")(
        [StoredEvent("t1", 2, "model_failed", "k", json.dumps({"error": "{model.__class__}"}), 0.0)]
    )
    first, second = lines(file)
    assert first["text"].startswith("{by}: {title} {0} xxx")
    assert len(first["text"]) < WIDTH + 20
    assert second["text"].endswith("failed: {model.__class__}")
