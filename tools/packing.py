"""The worktree as a tree of git's and a pack of what is new in it: what a checkpoint is made from outside."""

from __future__ import annotations

import base64
import os
from typing import Any

import limits
from faults import Fault, ProtocolFault
from gitcall import listed
from gitwork import GitWork, sha
from leftout import ignored_since
from workspace import Workspace


class Packer(GitWork):
    """The git work of one executor, with trees and packs."""

    def __init__(self, space: Workspace) -> None:
        """Nothing is made until the first use."""
        super().__init__(space)
        self._written: tuple[tuple[int, ...], str] = ((), "")  # the index last written as a tree, and that

    def tree(self, params: dict[str, Any]) -> dict[str, Any]:
        """The worktree as a tree object and a thin pack of what ``base`` lacks, kept for ``pack``."""
        base = sha(params.get("base"))
        self.records.bound()
        skipped = self.stage(base, still=params.get("still") is True)
        if since := params.get("since"):
            with listed(ignored_since(self.run, sha(since))) as names:
                self.run("update-index", "--force-remove", "-z", "--stdin", stdin=names)
        tree = self._tree()
        if tree == params.get("known"):
            self.records.new_pack()  # the last one is not this one's
            return {"tree": tree, "pack_size": 0, "skipped": skipped[:50]}
        wanted = os.memfd_create("wanted", os.MFD_CLOEXEC)
        target = self.records.new_pack()
        try:
            # the tree, not the commit: with no commit to pack, git would leave out nothing that one holds
            os.write(wanted, f"{tree}\n^{base}^{{tree}}\n".encode())
            os.lseek(wanted, 0, os.SEEK_SET)
            self.run("pack-objects", "--revs", "--thin", "--stdout", "--quiet", stdin=wanted, stdout=target)
            size = os.fstat(target).st_size
        finally:
            os.close(wanted)
        if size > limits.PACK_BYTES:
            raise Fault(f"the change is too large: {size} bytes packed")
        return {"tree": tree, "pack_size": size, "skipped": skipped[:50]}

    def _tree(self) -> str:
        """The index as a tree; not written again while the index stands as it did."""
        if self.records.stamp() != self._written[0]:
            tree = self.run("write-tree").decode().strip()
            self._looked_through = self.records.stamp()  # write-tree notes in the index which trees it wrote
            self._written = (self._looked_through, tree)
        return self._written[1]

    def pack(self, params: dict[str, Any]) -> dict[str, Any]:
        """One piece of the last pack, in base64, from the byte ``offset`` on."""
        offset = params.get("offset")
        if not isinstance(offset, int) or isinstance(offset, bool) or offset < 0:
            raise ProtocolFault(-32602, "offset must be a number of bytes")
        piece = self.records.piece(offset)
        if piece is None:
            raise Fault("there is no pack: ask for a tree first")
        return {"data": base64.b64encode(piece).decode()}
