"""Exact token counts for OpenAI's models, where tiktoken's vocabulary lies on this machine already.

tiktoken fetches a vocabulary that it does not find, and throws away one that is damaged. So it is asked only
for a file that is there and whole, in the folder that TIKTOKEN_CACHE_DIR names. Else nothing is loaded.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from msgspec import Struct

if TYPE_CHECKING:
    from tiktoken import Encoding

Count: TypeAlias = Callable[[str], int]
FOLDER = "TIKTOKEN_CACHE_DIR"
_VENDORS = frozenset({"", "openai", "litellm/openai", "litellm/azure"})
_REMEMBERED = 4096
"""Texts whose count is kept: a transcript is counted again before every call."""


class _File(Struct, frozen=True):
    """A vocabulary's name in tiktoken's cache, and what it must hold."""

    name: str
    sha256: str


_FILES = {
    "o200k_base": _File(
        "fb374d419588a4632f3f557e76b4b70aebbca790",
        "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
    ),
    "cl100k_base": _File(
        "9b5ad71b2ce5302211f9c61530b329a4922fc6a4",
        "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
    ),
}


class Vocabularies:
    """Those of one process. Loading one takes a second and 80 MB."""

    def __init__(self) -> None:
        """Nothing is loaded yet."""
        self._counts: dict[str, Count | None] = {}
        """By model id; None: there is no vocabulary for it here."""

    def count(self, model: str) -> Count | None:
        """How to count ``model``'s tokens, if ``load`` found its vocabulary."""
        return self._counts.get(model)

    async def load(self, model: str) -> None:
        """Load the vocabulary of ``model`` beside the event loop, if it is at hand."""
        folder = os.environ.get(FOLDER, "")
        if not folder or model in self._counts:
            return
        vendor, _, name = model.rpartition("/")
        known = vendor in _VENDORS
        found = await asyncio.to_thread(_load, name.partition(":")[0], Path(folder)) if known else None
        self._counts[model] = None if found is None else lru_cache(_REMEMBERED)(partial(_count, found))


def _load(name: str, folder: Path) -> Encoding | None:
    import tiktoken

    try:
        encoding = tiktoken.encoding_name_for_model(name)
    except KeyError:
        return None
    file = _FILES.get(encoding)
    if file is None or not _whole(folder / file.name, file.sha256):
        return None
    return tiktoken.get_encoding(encoding)


def _whole(path: Path, sha256: str) -> bool:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() == sha256
    except OSError:
        return False


def _count(encoding: Encoding, text: str) -> int:
    return len(encoding.encode_ordinary(text))
