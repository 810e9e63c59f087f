"""``--attach``: what is sent, under which name and kind, and what is refused before anything is."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from codebutler.cli.attaching import FILES, attach
from codebutler.errors import UsageError
from codebutler.redact import Redactor
from codebutler.store.store import Store
from codebutler.testing.media import png, voice

KEY = "sk-canary-0123456789abcdefghij"


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await Store.open(tmp_path / "store.db")
    yield opened
    await opened.close()


def a_file(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


async def test_a_file_is_what_its_bytes_are(tmp_path: Path, store: Store) -> None:
    files = {"shot.txt": png(2, 2), "v.m4a": voice("Hi"), "notes.png": b"words", "x.bin": b"\0\1"}
    paths = [a_file(tmp_path, name, data) for name, data in files.items()]
    sent = await attach(paths, store, Redactor(secrets=[KEY]))
    assert [(a.name, a.media_type) for a in sent] == [
        ("shot.txt", "image/png"), ("v.m4a", "audio/ogg"), ("notes.png", "text/plain"),
        ("x.bin", "application/octet-stream"),
    ]  # fmt: skip
    assert [await store.get_blob(a.sha256) for a in sent] == list(files.values())


REFUSED: dict[str, tuple[str, bytes, str]] = {
    "empty": ("a.txt", b"", "is empty"),
    "long text": ("a.txt", b"x" * (1024 * 1024 + 1), "too large: 1 MiB is the limit for text/plain"),
    "large picture": ("a.png", png(1, 1) + bytes(16 << 20), "too large: 16 MiB is the limit for image/png"),
    "large recording": ("a.ogg", voice("") + bytes(25 << 20), "too large: 25 MiB"),
    "secrets": (".env", b"A=1", "looks like a file of secrets"),
    "a key file": ("id_ed25519", b"x", "looks like a file of secrets"),
    "a secret in it": ("notes.txt", f"my key is {KEY}".encode(), "looks like a secret"),
}


@pytest.mark.parametrize(("name", "data", "why"), REFUSED.values(), ids=REFUSED.keys())
async def test_what_cannot_be_sent_is_named_with_the_reason(
    tmp_path: Path, store: Store, name: str, data: bytes, why: str
) -> None:
    with pytest.raises(UsageError, match=why) as caught:
        await attach([a_file(tmp_path, name, data)], store, Redactor(secrets=[KEY]))
    assert KEY not in str(caught.value)


async def test_no_pipe_folder_or_absent_file_holds_us_up(tmp_path: Path, store: Store) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name, why in (("pipe", "no regular file"), (".", "no regular file"), ("gone", "cannot be read")):
        with pytest.raises(UsageError, match=why):
            await attach([tmp_path / name], store, Redactor())


async def test_a_secret_is_not_hidden_behind_a_link(tmp_path: Path, store: Store) -> None:
    a_file(tmp_path, ".env", b"A=1")
    (tmp_path / "notes.txt").symlink_to(".env")
    with pytest.raises(UsageError, match="looks like a file of secrets"):
        await attach([tmp_path / "notes.txt"], store, Redactor())


async def test_one_file_that_cannot_be_sent_keeps_the_others_back(tmp_path: Path, store: Store) -> None:
    good = a_file(tmp_path, "a.txt", b"fine")
    with pytest.raises(UsageError):
        await attach([good, tmp_path / "gone"], store, Redactor())
    with pytest.raises(UsageError, match=f"Attach {FILES} at most"):
        await attach([good] * 11, store, Redactor())
