"""A commit that comes to git in one pack with its tree: no process of its own, and one sync less. Pure.

git checks it as all that is in the pack: its form, and that tree and parent are there.
The format of packs: https://git-scm.com/docs/gitformat-pack
"""

from __future__ import annotations

import hashlib
import re
import time
import zlib

from codebutler.repo.commits import Identity

_CRUD = " .,:;\"'\\"
_TRAILER = {40: ("sha1", 20), 64: ("sha256", 32)}
"""Hash and its size in bytes, by the length of an object id."""
_COMMIT = 1 << 4
"""The type of an entry, beside the lowest four bits of its size."""


def commit(tree: str, parent: str, message: str, identity: Identity) -> bytes:
    """A commit as git stores it, made now; b"" where git would put the words right first."""
    parts = (identity.name, identity.mail)
    if any(not part or part.strip(_CRUD) != part or re.search(r"[<>\0\n]", part) for part in parts):
        return b""
    if "\0" in message or len(tree) not in _TRAILER:
        return b""
    who = f"{identity.name} <{identity.mail}> {int(time.time())} {time.strftime('%z')}"
    text = f"tree {tree}\nparent {parent}\nauthor {who}\ncommitter {who}\n\n{message.rstrip()}\n"
    return text.encode(errors="replace")


def name(made: bytes) -> str:
    """The object id of a commit, in the hash of the tree that it names."""
    how, _ = _TRAILER[made.index(b"\n") - len("tree ")]
    return hashlib.new(how, b"commit %d\0" % len(made) + made).hexdigest()


def with_commit(pack: bytes, made: bytes) -> bytes:
    """``pack`` with one object more; one that does not fit its own trailer as it is, for git to refuse."""
    how, size = _TRAILER[made.index(b"\n") - len("tree ")]
    if hashlib.new(how, pack[:-size]).digest() != pack[-size:]:
        return pack
    count = int.from_bytes(pack[8:12], "big") + 1
    body = pack[:8] + count.to_bytes(4, "big") + pack[12:-size] + _head(len(made)) + zlib.compress(made, 1)
    return body + hashlib.new(how, body).digest()


def _head(size: int) -> bytes:
    """Type and size: four bits of it, then seven in each byte, lowest first; the highest bit: more follow."""
    parts, rest = [_COMMIT | size & 15], size >> 4
    while rest:
        parts[-1] |= 128
        parts.append(rest & 127)
        rest >>= 7
    return bytes(parts)
