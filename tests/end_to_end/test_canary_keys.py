"""No secret that is given as a key, or on a command line that is a mistake, is kept or shown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from codebutler.errors import UsageError
from codebutler.events import ToolFinished
from codebutler.testing.cast import Cast, Line, does, lead, plan, write
from codebutler.testing.doubles import Asked, says
from codebutler.types import Inbound, ModelReply, Person

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Room

KEY = "ghp_keyA1b2C3d4E5f6A1b2C3d4E5f6"


def written(room: Room) -> Iterator[tuple[str, bytes]]:
    """All files of the home and of the store's folder."""
    for root in (room.home, room.sample.repo / ".codebutler"):
        for path in root.rglob("*"):
            if path.is_file():
                yield str(path), path.read_bytes()


async def test_no_key_that_looks_like_a_secret_is_kept(
    room: Room,
) -> None:
    """A conversation's is refused; a message's is hashed, and known again; one given as a title is taken out."""
    author, key = Person(surface="terminal", id="robin"), KEY

    async def mind(asked: Asked) -> ModelReply:
        return says("done")

    async with room.engine(mind) as scene:
        said = Inbound(surface="terminal", external_id="c", key=key, author=author, text="hello")
        thread = await scene.engine.receive(said, title=f"Use {key}")
        await scene.rest(thread)
        before = len(await scene.events(thread))
        await scene.engine.receive(said)
        await scene.engine.receive(said.model_copy(update={"key": "late", "deletes": key, "text": ""}))
        await scene.rest(thread)
        assert [e.kind for e in (await scene.events(thread))[before : before + 1]] == ["message_deleted"]
        assert "deleted" in (await scene.posts(thread))[-1]
        for surface, external in (("terminal", key), (key, "c")):
            with pytest.raises(UsageError, match="looks like a secret"):
                await scene.engine.receive(
                    said.model_copy(update={"surface": surface, "external_id": external})
                )
    env = {**room.env, "HOME": str(room.home), "CODEBUTLER_HOME": str(room.home), "OPENAI_API_KEY": "x"}
    mistakes = (("run", "x", "--key", key), (key,), ("show", "x", key))
    places = []
    for words in mistakes:
        code, *printed = await room.starter(words, room.sample.repo, env)
        assert code == 2
        places.append((words[0], b"".join(printed)))
    assert b"the key of this conversation looks like a secret" in places[0][1]
    code, *printed = await room.starter(("export", thread), room.sample.repo, env)
    places += [("export", b"".join(printed)), *written(room)]
    assert thread.encode() in printed[0]
    assert [place for place, data in places if key.encode() in data] == []


async def test_no_file_is_named_by_what_is_left_of_a_secret(room: Room) -> None:
    patch = f"*** Begin Patch\n*** Add File: {KEY}.txt\n+x\n*** End Patch"
    calls = [write(f"d/{KEY}.txt", "x\n"), does("apply_patch", input=patch), write("A", "a\n")]
    coder: list[Line] = [*calls, says("Wrote A.")]
    room.env["CODEBUTLER_MODEL"] = "gpt-5"  # has apply_patch
    async with room.engine(Cast(pm=[plan()], coder=coder, lead=lead())) as scene:
        state = await scene.shipped()
        refused = [e.text for e in await scene.events(state.id) if isinstance(e, ToolFinished) and not e.ok]
        assert len(refused) == 2
        assert all("name has the shape of a secret" in text for text in refused), refused
        assert state.files == {"A"}
