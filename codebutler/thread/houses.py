"""Settings of places, such as guilds: kept beside the host's caps, found by where a thread's people talk."""

from __future__ import annotations

import asyncio
from typing import Any

from codebutler.settings.house import House
from codebutler.store.store import Store

KEPT, AT = "house:of:", "house:at:"


class Houses:
    """The settings of all places. ``ledger`` is the store that all repos of the host share."""

    def __init__(self, ledger: Store) -> None:
        """Nothing is read yet."""
        self._ledger = ledger
        self._changing = asyncio.Lock()

    async def of(self, place: str) -> House:
        """What is set for a place; "" is none."""
        noted = await self._ledger.noted(KEPT + place) if place else ""
        return House.model_validate_json(noted) if noted else House(place=place)

    async def change(self, place: str, **changes: Any) -> House:  # noqa: ANN401 - a field's own value
        """Set fields; None, or what is empty, is the host's again. Raises pydantic's ValidationError."""
        async with self._changing:
            given = {**(await self.of(place)).model_dump(by_alias=False), **changes}
            fields = House.model_fields
            named = {fields[name].alias or name: value for name, value in given.items()}
            house = House.model_validate(named)
            await self._ledger.note(KEPT + place, house.model_dump_json(by_alias=True))
            return house

    async def all(self) -> list[House]:
        """Those for which something was set."""
        return [House.model_validate_json(noted) for noted in await self._ledger.notes(KEPT)]


def _where(surface: str, conversation: str) -> str:
    return f"{AT}{surface}:{conversation.partition(':')[0]}"


async def settle(store: Store, surface: str, conversation: str, place: str) -> None:
    """What is said around this conversation is said in that place."""
    if await store.noted(_where(surface, conversation)) != place:
        await store.note(_where(surface, conversation), place)


async def place_of(store: Store, thread: str) -> str:
    """The place in which a thread is shown; "" when it is in none."""
    for surface, conversation in await store.bindings(thread):
        if place := await store.noted(_where(surface, conversation)):
            return place
    return ""
