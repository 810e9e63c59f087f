"""Settings of a place: what holds in its threads is the lower of its own and the host's."""

from __future__ import annotations

from pathlib import Path

import pytest

from codebutler.places import Places
from codebutler.settings.house import House
from codebutler.settings.shape import Limits
from codebutler.store.store import Store
from codebutler.thread.houses import Houses, place_of, settle


@pytest.mark.parametrize(
    ("ours", "hosts", "holds"), [(None, 5.0, 5.0), (2.0, 5.0, 2.0), (9.0, 5.0, 5.0), (2.0, None, 2.0)]
)
def test_a_cap_is_the_lower_one(ours: float | None, hosts: float | None, holds: float) -> None:
    limits = House.model_validate({"usdPerThread": ours}).limits(
        Limits.model_validate({"usdPerThread": hosts})
    )
    assert limits.usd_per_thread == holds


def test_models_go_through_the_places_provider() -> None:
    house = House.model_validate({"provider": "local", "models": {"coder": "qwen", "pm": "local/big"}})
    assert house.model_of("coder", "anthropic/x") == "local/qwen"
    assert house.model_of("pm", "anthropic/x") == "local/big"
    assert house.model_of("lead", "anthropic/x") == "local/anthropic/x"
    assert House().model_of("lead", "anthropic/x") == "anthropic/x"


async def test_what_is_set_is_kept_and_found_by_where_a_thread_is_shown(tmp_path: Path) -> None:
    store = await Store.open(tmp_path / "store.db")
    houses = Houses(store)
    await houses.change("discord:1", usd_per_thread=1.0, max_runs=2)
    await houses.change("discord:1", usd_per_thread=None)
    assert [(h.place, h.max_runs, h.usd_per_thread) for h in await houses.all()] == [("discord:1", 2, None)]
    await store.open_thread("t1", title="", owner="", bindings=[("discord", "7:8")], events=[], row={})
    assert await place_of(store, "t1") == ""
    await settle(store, "discord", "7:9", "discord:1")
    assert await place_of(store, "t1") == "discord:1"
    await store.close()


def test_fewer_places_send_nobody_away() -> None:
    places = Places(2)
    with places.place() as one, places.place() as two:
        places.resize(1)
        with places.place() as three:
            assert (one.number, two.number, three.number) == (0, 0, 1)
            places.resize(3)
            assert three.number == 0
