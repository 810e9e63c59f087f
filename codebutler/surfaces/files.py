"""Files that come with a message: so many, so large, and from the platform's own hosts only."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from urllib.parse import urljoin

from codebutler.errors import CodeButlerError
from codebutler.filetypes import media_type, safe_name
from codebutler.store.store import Store
from codebutler.types import Attachment, Json

FILES = 10
FILE_BYTES = 25 * 1024 * 1024
MOVED = frozenset({301, 302, 303, 307, 308})
HOPS = 3
"""Moves that are followed."""


def taken_out(kept: Sequence[Attachment], standing: Sequence[Json], *, name: str = "name") -> list[str]:
    """The hashes of files of a message that do not stand in it any more."""
    if len(standing) >= len(kept):
        return []
    names = Counter(safe_name(str(file.get(name) or file.get("id") or "file")) for file in standing)
    gone = []
    for file in kept:
        if names[file.name]:
            names[file.name] -= 1
        else:
            gone.append(file.sha256)
    return gone


class Files(ABC):
    """Those of one platform, into one store."""

    def __init__(self, store: Store, platform: str, *, name: str) -> None:
        """``name``: the field of a file in which its name is."""
        self._store = store
        self._platform = platform
        self._name = name

    @abstractmethod
    def ours(self, address: str) -> bool:
        """Whether the platform keeps files there."""

    @abstractmethod
    async def download(self, file: Json) -> bytes:
        """The bytes. ValueError says why there are none."""

    async def keep(self, given: Sequence[Json]) -> tuple[list[Attachment], list[str]]:
        """The files, kept in the store, and a line for each that could not be had."""
        kept: list[Attachment] = []
        missing: list[str] = []
        more = len(given) - FILES
        if more > 0:
            missing.append(f"({more} more files are not read: {FILES} of a message are)")
        for file in given[:FILES]:
            name = safe_name(str(file.get(self._name) or file.get("id") or "file"))
            try:
                data = await self.download(file)
            except (ValueError, CodeButlerError) as error:
                missing.append(f"(the file {name} could not be read: {error})")
                continue
            sha = await self._store.put_blob(data)
            kept.append(Attachment(name=name, sha256=sha, media_type=media_type(data)))
        return kept, missing

    async def fetch(
        self, address: str, size: object, headers: Mapping[str, str] | None = None, *, hops: int = HOPS
    ) -> bytes:
        """The bytes at ``address``, whose ``size`` is said to be so. ValueError says why there are none."""
        from aiohttp import ClientError, ClientSession, ClientTimeout

        if not self.ours(address):
            raise ValueError(f"it is not kept by {self._platform}")
        if int(str(size or 0)) > FILE_BYTES:
            raise ValueError(f"it is larger than {FILE_BYTES // 1024 // 1024} MiB")
        data = bytearray()
        try:
            async with (
                ClientSession(timeout=ClientTimeout(total=60)) as session,
                session.get(address, headers=headers, allow_redirects=False) as answer,
            ):
                if answer.status in MOVED and hops:
                    moved = urljoin(address, answer.headers.get("Location", ""))
                    return await self.fetch(moved, size, headers, hops=hops - 1)
                if answer.status != 200:
                    raise ValueError(f"{self._platform} answered HTTP {answer.status}")
                async for chunk in answer.content.iter_chunked(1 << 16):
                    data += chunk
                    if len(data) > FILE_BYTES:
                        raise ValueError(f"it is larger than {FILE_BYTES // 1024 // 1024} MiB")
        except (ClientError, OSError, TimeoutError) as error:
            raise ValueError(f"{self._platform} cannot be reached: {error}") from error
        return bytes(data)
