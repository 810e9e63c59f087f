"""``codebutler cost``: read off the logs, added up, and drawn within the width that there is."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from codebutler.cli import cost
from codebutler.cli.headless import summary
from codebutler.cli.main import main
from codebutler.errors import UsageError
from codebutler.events import (
    Compacted,
    Event,
    Forked,
    FrameStarted,
    ModelFailed,
    ModelReplied,
    ThreadOpened,
    dump,
    parse,
)
from codebutler.store.costs import Bought
from codebutler.store.rows import NewEvent
from codebutler.store.store import Store
from codebutler.testing.sample import make_sample
from codebutler.thread import render
from codebutler.thread.bill import BY, bill
from codebutler.thread.fold import fold
from codebutler.thread.journal import journal
from codebutler.types import Person, Usage

ROBIN, KIM = Person(surface="terminal", id="robin"), Person(surface="slack", id="U7", name="Kim")
LONG = "x" * 100_000
"""Longer than what stays in an event's row."""


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """An empty store."""
    store = await Store.open(tmp_path / "store.db")
    yield store
    await store.close()


def said(frame: str, usd: float, *, model: str = "v/a", priced: bool = True, text: str = "") -> ModelReplied:
    usage = Usage(input=100, output=10, cached=40)
    return ModelReplied(
        frame=frame, step=1, model=model, usage=usage, usd=usd, priced=priced, seconds=2.0, content=text
    )


async def thread(store: Store, name: str, owner: Person, *events: Event) -> None:
    news = [ThreadOpened(title=name, owner=owner), *events]
    keyed = [NewEvent(e.kind, f"{name}:{n}", dump(e)) for n, e in enumerate(news)]
    await store.open_thread(name, title=name, owner=owner.label, bindings=[("t", name)], events=keyed)


async def fill(store: Store) -> None:
    """Robin's thread with two roles, and Kim's, a fork of it."""
    start: list[Event] = [FrameStarted(frame="pm", role="pm"), FrameStarted(frame="coder-1", role="coder")]
    summary_of = Compacted(
        frame="coder-1", replaced=2, content="", model="v/b", usage=Usage(input=50, output=5), usd=0.02
    )
    own = Compacted(frame="coder-1", replaced=2, content="the engine's own notes")
    work: list[Event] = [said("pm", 0.01, text=LONG), said("coder-1", 0.3, model="v/b"), summary_of, own]
    await thread(store, "t1", ROBIN, *start, *work)
    forked = Forked(thread="t1", number=1, to=4, by=KIM)
    await thread(store, "t2", KIM, *start, said("pm", 0.0), forked, said("pm", 0.0, model="x", priced=False))


async def test_every_way_of_adding_up_comes_to_the_same_total(store: Store) -> None:
    await fill(store)
    calls = await store.bought()
    for by in BY:
        sums, together = bill(calls, by)
        assert sum(s.usd for s in sums.values()) == pytest.approx(together.usd) == 0.33
        assert sum(s.calls for s in sums.values()) == together.calls == 4
    people, _ = bill(calls, "person")
    assert list(people) == ["terminal:robin", "Kim (slack:U7)"]
    roles, _ = bill(calls, "role")
    assert [(name, s.calls, s.unpriced) for name, s in roles.items()] == [("coder", 2, 0), ("pm", 2, 1)]
    models, _ = bill(calls, "model")
    assert (models["v/b"].input, models["v/b"].cached, models["v/b"].output) == (150, 40, 15)


async def test_report_summary_journal_and_cost_say_the_same(store: Store) -> None:
    """Four places, one sum; what a fork copied is nobody's second purchase."""
    await fill(store)
    sums, _ = bill(await store.bought(), "thread")
    for name in ("t1", "t2"):
        rows = await store.events(name)
        state = fold(name, ((r.seq, r.ts, parse(r.body)) for r in rows))
        mine, told = sums[name], summary(state, 0)
        assert (told["usd"], told["tokens"]) == (mine.json()["usd"], mine.json()["tokens"])
        assert state.usd == pytest.approx(mine.usd)
        total = render.usage_table(state).splitlines()[-1]
        share = f"{mine.cached} ({mine.cached / mine.input:.0%})"
        assert f"| {mine.calls} | 0 | {mine.input} | {share} | {mine.output} | {mine.seconds:.0f} |" in total
        assert render.money(mine.usd) in total
        assert total in journal(state, rows)
        for role, model in state.spend:
            both = [c for c in await store.bought() if (c.thread, c.role, c.model) == (name, role, model)]
            assert sum(c.usd for c in both) == pytest.approx(state.spend[role, model].usd)


async def test_what_was_paid_for_half_an_answer_is_in_every_report(store: Store) -> None:
    """Caps count it; a report that left it out would call a thread free that has used its cap."""
    broke = ModelFailed(frame="pm", step=1, model="v/a", error="broke off", retry=True, usd=0.25)
    free = ModelFailed(frame="pm", step=1, model="v/a", error="503", retry=True)
    await thread(store, "t1", ROBIN, FrameStarted(frame="pm", role="pm"), broke, free, said("pm", 0.01))
    rows = await store.events("t1")
    state = fold("t1", ((r.seq, r.ts, parse(r.body)) for r in rows))
    sums, together = bill(await store.bought(), "role")
    assert (state.usd, state.frames["pm"].usd, together.usd) == pytest.approx((0.26, 0.26, 0.26))
    assert (together.calls, sums["pm"].json()["broken_off"]) == (1, {"calls": 1, "usd": 0.25})
    told = [render.usage_table(state), journal(state, rows), *cost.table(sums, together, width=80, fine=True)]
    assert all("$0.26 ($0.25 of it broken off)" in text for text in told[:2])
    assert told[-1] == "$0.25 of it for answers that broke off (1)"
    assert summary(state, 0)["usd"] == 0.26


async def test_the_tokens_of_half_an_answer_are_in_every_report(store: Store) -> None:
    """They are all that a cap can hold of a model whose price nobody knows."""
    used = Usage(input=900, output=80, cached=30)
    broke = ModelFailed(frame="pm", step=1, model="v/a", error="broke off", usage=used, priced=False)
    await thread(store, "t1", ROBIN, FrameStarted(frame="pm", role="pm"), broke, said("pm", 0.0))
    rows = await store.events("t1")
    state = fold("t1", ((r.seq, r.ts, parse(r.body)) for r in rows))
    sums, together = bill(await store.bought(), "role")
    tokens = {"input": 1000, "output": 90, "cached": 70}
    assert summary(state, 0)["tokens"] == together.json()["tokens"] == tokens
    assert (together.calls, together.broken, together.unpriced) == (1, 1, 1)
    assert "| 1 | 0 | 1000 | 70 (7%) | 90 |" in render.usage_table(state)
    assert "| 1 | 0 | 1000 | 70 (7%) | 90 |" in journal(state, rows)
    assert any("1,000" in line for line in cost.table(sums, together, width=80, fine=True))


def by_person(*owners: tuple[str, str, str]) -> list[Bought]:
    return [Bought("t", owner, "pm", "m", at, 1.0, True, 1.0, 10, 10, 0) for at, owner in enumerate(owners)]


def test_a_person_with_another_name_is_the_same_and_two_of_one_name_are_not() -> None:
    calls = by_person(
        ("slack", "U7", "Kim"), ("slack", "U7", "Kim L."), ("slack", "U8", "Kim L."), ("x", "", "?")
    )
    sums, _ = bill(calls, "person")
    assert {name: each.calls for name, each in sums.items()} == {
        "Kim L. (slack:U7)": 2,
        "Kim L. (slack:U8)": 1,
        "unknown": 1,
    }


@pytest.mark.parametrize(
    "name",
    [
        "Eve\nall  $0.00",
        "tab\tbed",
        "\x1b[2J",
        "\u202eevil",
        "a" * 5_000,
        "Kim (slack:U7)" + " " * 90,
        "漢" * 90,
    ],
)
def test_no_name_forges_a_line_or_hides_whose_it_is(name: str) -> None:
    lines = list(cost.table(*bill(by_person(("discord", "U99", name)), "person"), width=80, fine=True))
    assert len(lines) == 3
    assert "(discord:U99)" in lines[1] or "…" in lines[1]
    assert all(c.isprintable() for line in lines for c in line)
    assert max(map(cost._wide, lines)) <= 80


async def test_since_leaves_out_what_is_older(store: Store) -> None:
    await fill(store)
    assert await store.bought(time.time() + 60) == []
    assert len(await store.bought(time.time() - 60)) == 4


@pytest.mark.parametrize(
    ("text", "start"), [("2026-11-21", 1795219200), ("12h", 1795176800), ("1d", 1795133600), ("9999w", 0)]
)
def test_since_takes_a_date_or_so_long_ago(text: str, start: int) -> None:
    assert cost.since(text, 1795220000) == start


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "7", "-1d", "1e3d", ""])
def test_since_refuses_the_rest(text: str) -> None:
    with pytest.raises(UsageError, match="--since"):
        cost.since(text, 1795220000)


def call(model: str, usd: float, *, priced: bool = True) -> Bought:
    return Bought("t", ("s", "p", ""), "pm", model, 0.0, usd, priced, 1.0, 1_000_000, 10, 0)


@pytest.mark.parametrize("width", [20, 60, 80, 200])
@pytest.mark.parametrize("fine", [True, False])
def test_the_table_keeps_to_the_width_and_the_dearest_fills_it(width: int, fine: bool) -> None:
    calls = [call("vendor/a-model-with-a-long-name-" + "y" * 60, 2.0), call("b", 1.0), call("\x1b[31mc", 0.0)]
    lines = list(cost.table(*bill(calls, "model"), width=width, fine=fine))
    assert len(lines) == 5
    assert not any("\x1b" in line for line in lines)
    assert max(map(len, lines)) <= max(width, 27)
    mark = "█" if fine else "#"
    bars = [line.count(mark) for line in lines]
    assert bars[0] == bars[3] == bars[4] == 0
    if width == 200:
        assert bars[1] > 20
        assert bars[2] == pytest.approx(bars[1] / 2, abs=1)


def on(day: int, usd: float) -> Bought:
    return Bought("t", ("s", "p", ""), "pm", "m", 1.76e9 + day * 86_400, usd, True, 1.0, 9_000_000, 90_000, 0)


@pytest.mark.parametrize("days", [1, 12, 400])
@pytest.mark.parametrize("width", [22, 32, 40, 80, 130])
def test_a_date_is_never_cut_and_what_matters_less_falls_away_first(days: int, width: int) -> None:
    calls = [on(day, 1.0 + day % 7) for day in range(days)] + [on(0, 1e-6)]
    lines = list(cost.table(*bill(calls, "day"), width=width, fine=True))
    assert (len(lines), lines[1][:10], lines[-1][:3]) == (days + 2, "2025-10-09", "all")
    assert max(map(len, lines)) <= width
    assert "cost" in lines[0]
    assert all("…" not in line for line in lines)
    assert all(("█" in line or "▏" in line) == (width > 30) for line in lines[1:-1])
    months = list(cost.table(*bill(calls, "month"), width=width, fine=True))
    assert len(months) == {1: 3, 12: 3, 400: 16}[days]
    assert (cost.advice("day", days) != []) == (days == 400)
    assert cost.advice("month", days) == []


def test_a_trace_of_money_is_seen_and_wide_letters_keep_the_columns() -> None:
    calls = [call("漢字漢字", 100.0), call("é\u0301", 0.0001), call("free", 0.0)]
    lines = list(cost.table(*bill(calls, "model"), width=80, fine=True))
    assert [line.count("█") + line.count("▏") for line in lines[1:4]][1:] == [1, 0]
    assert len({cost._wide(line.partition(" 1,000,000 ")[0]) for line in lines[1:4]}) == 1
    assert cost._fit("漢字漢字", 6) == "漢字… "


def test_calls_without_a_price_are_marked() -> None:
    lines = list(
        cost.table(*bill([call("a", 0.0, priced=False), call("b", 1.0)], "model"), width=80, fine=True)
    )
    assert [line.split()[1] for line in lines[1:4]] == ["$1.00", "$0.0000*", "$1.00*"]
    assert "no known price (1)" in lines[-1]


def test_the_command_prints_one_json_object_a_table_or_that_there_is_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def made() -> None:
        store = await Store.open(repo / ".codebutler" / "store.db")
        await fill(store)
        await store.close()

    repo = make_sample(tmp_path / "sample").repo
    where = ["--repo", str(repo), "--home", str(tmp_path / "home")]
    assert main(["cost", *where]) == 0
    assert capsys.readouterr().out == "No model was called yet.\n"
    asyncio.run(made())
    assert main(["cost", "--by", "role", "--json", *where]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [row["role"] for row in told["rows"]] == ["coder", "pm"]
    assert told["total"] == {
        "calls": 4,
        "tokens": {"input": 350, "output": 35, "cached": 120},
        "usd": 0.33,
        "broken_off": {"calls": 0, "usd": 0.0},
        "unpriced": 1,
        "seconds": 6.0,
    }
    assert main(["cost", "--by", "person", *where]) == 0
    assert "Kim (slack:U7)" in capsys.readouterr().out
    assert main(["cost", "--since", "never", *where]) == 2
