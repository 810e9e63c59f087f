"""Trees and packs from a sandbox become commits, or are refused and nothing moves."""

from __future__ import annotations

import hashlib
import re
import struct
import zlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

from codebutler.errors import RepoError
from codebutler.repo import handmade
from codebutler.repo.checkpoints import import_checkpoint, receive
from codebutler.repo.commits import Identity
from codebutler.repo.objects import diff_stat

if TYPE_CHECKING:
    from tests.unit.conftest import GitBox

_REF = "refs/heads/work"


WHOLE = 1_000_000
_piece = [WHOLE]


@pytest.fixture(params=[50, WHOLE], ids=["pieces", "whole"], autouse=True)
def piece(request: pytest.FixtureRequest) -> int:
    """Bytes in which packs come: one that comes whole, with few objects, is not kept as a pack."""
    _piece[0] = request.param
    return _piece[0]


async def _pieces(pack: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(pack), _piece[0]):
        yield pack[start : start + _piece[0]]


@pytest.fixture
def base(git_box: GitBox) -> str:
    git_box.git("branch", "work")
    return git_box.git("rev-parse", "HEAD")


async def test_a_checkpoint_is_one_commit_on_the_branch(git_box: GitBox, base: str) -> None:
    tree, pack = git_box.build(base, {"neu/Größe.txt": "x\n", "a.txt": "1\n"})
    tip = await import_checkpoint(
        git_box.gitdir,
        tree=tree,
        pack=_pieces(pack),
        message="Fix it\n\nBecause.",
        ref=_REF,
        old=base,
        co_authors=["Ann <ann@example.org>", "Ann <ann@example.org>"],
    )
    assert git_box.git("rev-parse", _REF, f"{_REF}^", f"{_REF}^{{tree}}").split() == [tip, base, tree]
    said = git_box.git("log", "-1", "--format=%an|%ae|%cn|B|%B", _REF)
    who, body = said.split("|B|")
    assert who == "CodeButler|codebutler@localhost|CodeButler"
    assert body == "Fix it\n\nBecause.\n\nCo-authored-by: Ann <ann@example.org>"
    assert [item.path for item in await diff_stat(git_box.gitdir, base, tip)] == ["a.txt", "neu/Größe.txt"]
    git_box.git("fsck", "--strict")


async def test_nothing_new_makes_no_commit(git_box: GitBox, base: str) -> None:
    tree, pack = git_box.build(base, {})
    for content in (pack, b""):
        same = await import_checkpoint(
            git_box.gitdir, tree=tree, pack=_pieces(content), message="x", ref=_REF, old=base
        )
        assert same == base


async def test_an_older_state_needs_no_pack(git_box: GitBox, base: str) -> None:
    """A revert builds a tree that the repository has already."""
    tree, pack = git_box.build(base, {"a.txt": "1\n"})
    gitdir = git_box.gitdir
    one = await import_checkpoint(gitdir, tree=tree, pack=_pieces(pack), message="x", ref=_REF, old=base)
    old_tree = git_box.git("rev-parse", f"{base}^{{tree}}")
    two = await import_checkpoint(
        gitdir, tree=old_tree, pack=_pieces(b""), message="Revert", ref=_REF, old=one
    )
    assert git_box.git("rev-parse", f"{two}^", f"{two}^{{tree}}").split() == [one, old_tree]


async def test_the_identity_may_be_another(git_box: GitBox, base: str) -> None:
    tree, pack = git_box.build(base, {"a.txt": "1\n"})
    bot = Identity("Butler", "b@example.org")
    await import_checkpoint(
        git_box.gitdir, tree=tree, pack=_pieces(pack), message="x", ref=_REF, old=base, identity=bot
    )
    assert git_box.git("log", "-1", "--format=%an %ce", _REF) == "Butler b@example.org"


async def test_a_branch_that_was_moved_is_not_overwritten(git_box: GitBox, base: str) -> None:
    tree, pack = git_box.build(base, {"a.txt": "1\n"})
    other = git_box.commit({"b.txt": "1\n"})
    git_box.git("update-ref", _REF, other)
    with pytest.raises(RepoError, match="moved by somebody else"):
        await import_checkpoint(
            git_box.gitdir, tree=tree, pack=_pieces(pack), message="x", ref=_REF, old=base
        )
    assert git_box.git("rev-parse", _REF) == other


async def _refused(
    box: GitBox, base: str, tree: str, pack: bytes, *, match: str = "was refused", limit: int = 10**9
) -> None:
    with pytest.raises(RepoError, match=match):
        await import_checkpoint(
            box.gitdir, tree=tree, pack=_pieces(pack), message="x", ref=_REF, old=base, limit=limit
        )
    assert box.git("rev-parse", _REF) == base
    assert not list((box.gitdir / "objects").rglob("tmp_*"))


async def test_garbage_a_cut_pack_and_a_missing_tree_are_refused(git_box: GitBox, base: str) -> None:
    tree, pack = git_box.build(base, {"a.txt": "1\n"})
    await _refused(git_box, base, tree, b"not a pack at all, sorry")
    await _refused(git_box, base, tree, pack[:-25])
    await _refused(git_box, base, tree, b"", match="has no tree")
    await _refused(git_box, base, "HEAD^{tree}", pack, match="is not an object id")
    await _refused(git_box, base, base, pack, match="has no tree")


async def test_git_looks_at_tree_and_parent_also_where_the_old_tree_is_known(
    git_box: GitBox, base: str
) -> None:
    tree, pack = git_box.build(base, {"a.txt": "1\n"})
    known, blob = git_box.git("rev-parse", f"{base}^{{tree}}"), git_box.git("hash-object", "-w", "/dev/null")
    for asked, old in ((base, base), (blob, base), ("1" * 40, base), (tree, tree), (tree, "1" * 40)):
        with pytest.raises(RepoError, match=r"commit-tree failed|is no|not a"):
            await import_checkpoint(
                git_box.gitdir, tree=asked, known=known, pack=_pieces(pack), message="x", ref=_REF, old=old
            )
    assert git_box.git("rev-parse", _REF) == base
    new = await import_checkpoint(
        git_box.gitdir, tree=tree, known=known, pack=_pieces(pack), message="x", ref=_REF, old=base
    )
    assert git_box.git("rev-parse", f"{new}^{{tree}}", _REF).split() == [tree, new]


async def test_a_pack_over_the_limit_is_refused(git_box: GitBox, base: str) -> None:
    tree, pack = git_box.build(base, {"a.txt": hashlib.sha256(b"x").hexdigest() * 20})
    await _refused(git_box, base, tree, pack, match="larger than 60 bytes", limit=60)


async def test_a_few_new_objects_are_no_pack(git_box: GitBox, base: str, piece: int) -> None:
    """Whoever shares the repository can write beside them, where they can now."""
    objects = git_box.gitdir / "objects"
    objects.chmod(0o2775)
    packs, old = len(list(objects.glob("pack/*.pack"))), base
    for number in range(5):
        tree, pack = git_box.build(old, {f"{number}.txt": f"{number}\n"})
        old = await import_checkpoint(
            git_box.gitdir, tree=tree, pack=_pieces(pack), message="x", ref=_REF, old=old
        )
    assert len(list(objects.glob("pack/*.pack"))) - packs == (0 if piece == WHOLE else 5)
    tree, pack = git_box.build(old, {f"{number}.txt": f"{number}\n" for number in range(5, 120)})
    old = await import_checkpoint(
        git_box.gitdir, tree=tree, pack=_pieces(pack), message="x", ref=_REF, old=old
    )
    assert len(list(objects.glob("pack/*.pack"))) - packs == (1 if piece == WHOLE else 6)
    assert len(git_box.git("ls-tree", "--name-only", old).split()) >= 120
    git_box.git("fsck", "--strict")
    if piece == WHOLE:
        blobs = git_box.git("rev-parse", *(f"{old}:{number}.txt" for number in range(5))).split()
        assert all((objects / blob[:2] / blob[2:]).is_file() for blob in blobs)
        assert 0o2775 in {(objects / blob[:2]).stat().st_mode & 0o7777 for blob in blobs}


def _pack(*objects: tuple[int, bytes]) -> bytes:
    """A pack of whole objects: type 2 is a tree, 3 a blob."""
    body = b"PACK" + struct.pack(">II", 2, len(objects))
    for kind, data in objects:
        size, first = len(data) >> 4, kind << 4 | len(data) & 15
        while size:
            body += bytes([first | 128])
            first, size = size & 127, size >> 7
        body += bytes([first]) + zlib.compress(data)
    return body + hashlib.sha1(body).digest()


def _oid(kind: str, data: bytes) -> bytes:
    return hashlib.sha1(f"{kind} {len(data)}\0".encode() + data).digest()


@pytest.mark.parametrize("name", [b".git", b".GIT", b"..", b".", b"git~1", b"a/b"])
async def test_a_tree_with_a_name_that_would_escape_is_refused(
    git_box: GitBox, base: str, name: bytes
) -> None:
    blob = b"[core]\n\tfsmonitor = evil\n"
    inner = b"100644 config\0" + _oid("blob", blob)
    outer = b"40000 " + name + b"\0" + _oid("tree", inner)
    pack = _pack((3, blob), (2, inner), (2, outer))
    await _refused(git_box, base, _oid("tree", outer).hex(), pack)


async def test_a_hostile_gitmodules_is_refused(git_box: GitBox, base: str) -> None:
    blob = b'[submodule "x"]\n\tpath = x\n\turl = --upload-pack=evil\n'
    tree = b"100644 .gitmodules\0" + _oid("blob", blob)
    await _refused(git_box, base, _oid("tree", tree).hex(), _pack((3, blob), (2, tree)))


async def test_a_tree_that_points_to_nothing_is_refused(git_box: GitBox, base: str) -> None:
    tree = b"100644 ghost\0" + b"\1" * 20
    await _refused(git_box, base, _oid("tree", tree).hex(), _pack((2, tree)))


async def test_a_source_that_fails_moves_nothing(git_box: GitBox, base: str) -> None:
    tree, pack = git_box.build(base, {"a.txt": "1\n"})

    async def source() -> AsyncIterator[bytes]:
        yield pack[:20]
        raise RepoError("the sandbox died")

    with pytest.raises(RepoError, match="the sandbox died"):
        await import_checkpoint(git_box.gitdir, tree=tree, pack=source(), message="x", ref=_REF, old=base)
    assert git_box.git("rev-parse", _REF) == base


@pytest.mark.parametrize("identity", [Identity(), Identity("Zoë B. Butler", "zoë@example.org")])
async def test_a_commit_that_comes_with_its_tree_is_the_one_that_git_makes(
    git_box: GitBox, base: str, identity: Identity
) -> None:
    tree, pack = git_box.build(base, {"a.txt": "1\n", "b/c.txt": "2\n" * 40})
    made = handmade.commit(tree, base, "Work in progress", identity)
    came = await receive(git_box.gitdir, _pieces(pack), commit=made)
    stamp = re.search(rb"committer .* (\d+ [+-]\d{4})\n", made)
    assert stamp is not None
    dates = {f"GIT_{who}_DATE": stamp[1].decode() for who in ("AUTHOR", "COMMITTER")}
    env = identity.env | dates
    gits = git_box.git("commit-tree", "-p", base, "-m", "Work in progress", tree, env=env)
    assert handmade.name(made) == gits
    assert came == (gits if _piece[0] == WHOLE else "")
    tip = await import_checkpoint(
        git_box.gitdir, tree=tree, pack=None, message="Work in progress", ref=_REF, old=base, made=came
    )
    assert git_box.git("rev-parse", _REF, f"{_REF}^", f"{_REF}^{{tree}}").split() == [tip, base, tree]
    assert git_box.git("fsck", "--strict", "--no-dangling") == ""


@pytest.mark.parametrize("name", ["", "Ann <x>", "Ann.", "A\nnn"])
async def test_a_name_that_git_would_put_right_is_left_to_it(git_box: GitBox, base: str, name: str) -> None:
    tree, pack = git_box.build(base, {"a.txt": "1\n"})
    made = handmade.commit(tree, base, "x", Identity(name, "a@example.org"))
    assert (made, await receive(git_box.gitdir, _pieces(pack), commit=made)) == (b"", "")


async def test_with_a_commit_too_a_hostile_pack_is_refused_whole(git_box: GitBox, base: str) -> None:
    tree, pack = git_box.build(base, {"a.txt": "1\n"})
    made = handmade.commit(tree, base, "x", Identity())
    absent = handmade.commit("1" * len(tree), base, "x", Identity())
    for broken, commit in ((pack[:-1] + b"?", made), (pack[:30], made), (b"?" * 40, made), (pack, absent)):
        with pytest.raises(RepoError, match="the checkpoint was refused"):
            await receive(git_box.gitdir, _one(broken), commit=commit)
    assert git_box.git("rev-parse", _REF) == base
    assert not list((git_box.gitdir / "objects").glob("tmp_objdir-*"))


async def _one(pack: bytes) -> AsyncIterator[bytes]:
    yield pack
