"""Before a merge: what people did to the base branch and the pull request since. Each is said once."""

from __future__ import annotations

from collections.abc import Sequence

from codebutler.errors import RepoError
from codebutler.events import CheckpointMade, Event, MergeRefused, MergeRequested, Posted, PrClosed
from codebutler.repo import commits, objects
from codebutler.repo.git import is_ancestor, plumb
from codebutler.repo.merging import merged_tree, shown, transplanted
from codebutler.thread.desk import ThreadDesk
from codebutler.thread.host import FOLDER, JOURNALS, OURS
from codebutler.thread.incoming import LESSONS, STAND
from codebutler.thread.journal import journal_of
from codebutler.thread.lastword import EMPTY
from codebutler.thread.memory_merge import MEMORY, with_memory
from codebutler.thread.warning import pushed_by_others
from codebutler.types import Outbound


async def is_empty(desk: ThreadDesk) -> bool:
    """Whether the branch changes no file of the base branch that it stands on, but what the thread itself put
    there. After a rewind, or once it has met the base branch, the commits may differ and the files not.
    """
    state = desk.state
    if state.worktree is None or state.head == state.worktree.base:
        return True
    moved = await desk.space.moved_files(state.worktree.base, state.head)
    return all(path.startswith(OURS) for path in moved)


async def closed_outside(desk: ThreadDesk, then: str, *more: Event) -> bool:
    """Whether the open pull request was closed at the forge; said with ``then``, and logged with ``more``."""
    state = desk.state
    if state.pr is None or state.pr_state != "open":
        return False
    number = state.pr.number
    if (await (await desk.space.forge()).get(number)).state != "closed":
        return False
    text = f"Pull request #{number} was closed outside, without a merge. {then}"
    events = [PrClosed(number=number), *more]
    await desk.post(Outbound(text=text, kind="notice"), key=f"notice:closed:{number}", before=events)
    return True


async def pushed_since(desk: ThreadDesk, asked: MergeRequested) -> str:
    """Why the word to merge holds no more, if others made commits of the pull request's branch after it.

    "" for none, or once that was said of this tip.
    """
    state, gitdir = desk.state, desk.host.repo.gitdir
    there = await (await desk.space.forge()).fetch(state.worktree.branch) if state.worktree else ""
    if not there or there in (state.pushed, state.head):
        return ""
    said = max((ts for seq, ts, _ in state.live if seq == asked.message), default=0.0)
    new = await plumb("log", "--format=%ct %ce", there, "--not", state.head, gitdir=gitdir)
    made = [line.split(" ", 1) for line in new.decode("utf-8", "replace").splitlines()]
    late = any(int(at) > said and mail != desk.space.identity.mail for at, mail in made)
    told = any(isinstance(e, MergeRefused) and there[:12] in e.error for _, _, e in state.live)
    return pushed_by_others(there[:12]) if late and not told else ""


async def meet_base(desk: ThreadDesk) -> str:
    """Bring the branch to terms with its base branch as it is now, where only we can: no push is forced.
    Returns what was met; "" where there is nothing to meet any more.

    What others pushed to the branch comes in first. A rewritten base must not get back what it dropped;
    memory that was edited there by hand keeps both. Other conflicts are left to the merge, which names them.
    """
    base, forge, pr = (await desk.space.base()).branch, await desk.space.forge(), desk.state.pr
    if pr is not None and (await forge.get(pr.number)).state == "merged":
        return ""  # by us, before a crash
    there = await forge.fetch(base)
    if not there or desk.state.worktree is None:
        return ""  # the merge says that it is gone
    await desk.space.take_in()  # first: what people pushed to the branch is not to meet a commit of ours
    if pr is not None and await is_empty(desk):
        await _needs_memory(desk, pr.number)
    if not await is_ancestor(desk.host.repo.gitdir, desk.state.worktree.base, there):
        await _stand_on(desk, base, there)
    tree, conflicts = await merged_tree(desk.host.repo.gitdir, there, desk.state.head)
    journal = journal_of(desk.state.id)
    if conflicts and all(path.startswith(MEMORY) or path == journal for path in conflicts):
        await _keep_both(desk, base, there, tree, conflicts)
    elif not conflicts and await _journal_is_new_to_us(desk, journal, there):
        await _keep_both(desk, base, there, tree, [journal])
    elif not conflicts:
        await _mention_landed(desk, base, there, tree)
        await _mention_joined(desk, base, there)
        await _mention_beside(desk, base, there, tree)
    return there


async def _needs_memory(desk: ThreadDesk, number: int) -> None:
    """Where the work is gone, only what was learned can land, and that is said. RepoError without it."""
    base = desk.state.worktree.base if desk.state.worktree else ""
    moved = await desk.space.moved_files(base, desk.state.head)
    if all(path.startswith(f"{JOURNALS}/") for path in moved):
        raise RepoError(
            f"pull request #{number} changes no file: nothing of what was asked for is in it", fix=EMPTY
        )
    await desk.tell_once(
        f"Only memory lands with #{number}: it changes no other file, so the plan is not carried out."
    )


async def _stand_on(desk: ThreadDesk, base: str, there: str) -> None:
    """The base branch was rewritten: the branch goes on from what it is now, with its own changes only."""
    state, gitdir = desk.state, desk.host.repo.gitdir
    if state.worktree is None:
        return
    old, head = state.worktree.base, state.head
    tree, conflicts = await transplanted(gitdir, old, there, head)
    if conflicts:
        raise RepoError(
            f"{base} was rewritten (it no longer holds {old[:12]}) and conflicts with the work here in "
            f"{shown(conflicts)}",
            fix=f"Rebase by hand on a new branch: git rebase --onto {there[:12]} {old[:12]}, or start anew",
        )
    message = f"{STAND} {base} as it was rewritten\n"
    new = await commits.join_trees(gitdir, tree, [head, there], message, identity=desk.space.identity)
    files = await desk.space.advance(head, new, what=f"the rewritten {base}")
    ready = state.worktree.model_copy(update={"base": there})
    text = (
        f"`{base}` was rewritten: it no longer holds `{old[:12]}`, where this thread began. The branch now "
        f"stands on `{there[:12]}`, with this thread's changes only; what `{base}` dropped stays dropped."
    )
    await _note(desk, text, f"notice:rewritten:{there}", ready, _made(new, f"{base} was rewritten", files))


async def _journal_is_new_to_us(desk: ThreadDesk, path: str, there: str) -> bool:
    """Whether the base branch has this thread's journal already: the store is older than its merge."""
    if await desk.space.branch_text(path) is not None:
        return False
    return await objects.show_file(desk.host.repo.gitdir, there, path) is not None


async def _keep_both(desk: ThreadDesk, base: str, there: str, tree: str, paths: Sequence[str]) -> None:
    """What people wrote into memory files on either branch, with this thread's lessons in it.

    Of the thread's own journal the newer one is kept: what this thread knows of itself.
    """
    gitdir, head, journal = desk.host.repo.gitdir, desk.state.head, journal_of(desk.state.id)
    await desk.load_rules()
    memory = [path for path in paths if path != journal]
    tree, told = await with_memory(desk, tree, there, memory)
    if (mine := await desk.space.branch_text(journal)) is not None:
        tree = await commits.tree_with(gitdir, tree, {journal: mine.encode()})
    parents, message = [head, there], f"{LESSONS} {base}\n"
    new = await commits.join_trees(gitdir, tree, parents, message, identity=desk.space.identity)
    changed = await desk.space.advance(head, new, what=f"the memory on {base}")
    merged = f"`{base}` has this thread's journal already: it was merged before. It is brought up to date."
    await _note(
        desk,
        "\n".join([*_edited(base, memory), *([merged] if journal in paths else []), *told]),
        f"notice:memory:{there}",
        _made(new, f"joined with {base}", changed),
    )


async def _mention_joined(desk: ThreadDesk, base: str, there: str) -> None:
    """After a crash: the branch has met that memory, and nobody was told."""
    gitdir, key = desk.host.repo.gitdir, f"notice:memory:{there}"
    asked = await plumb("log", "-1", "--format=%P%x00%s", desk.state.head, "--", gitdir=gitdir)
    parents, _, subject = asked.decode(errors="replace").strip().partition("\0")
    head, _, met = parents.partition(" ")
    if key in desk.state.said or met != there or not subject.startswith(LESSONS):
        return
    tree, conflicts = await merged_tree(gitdir, there, head)
    memory = [path for path in conflicts if path.startswith(MEMORY)]
    _, told = await with_memory(desk, tree, there, memory, head=head)
    if memory:
        await _note(desk, "\n".join([*_edited(base, memory), *told]), key)


async def _mention_beside(desk: ThreadDesk, base: str, there: str, tree: str) -> None:
    """What was kept stands beside what contradicts it, also where git has joined the two by itself."""
    _, told = await with_memory(desk, tree, there, [])
    before = [event.post.text for _, _, event in desk.state.live if isinstance(event, Posted)]
    if new := [line for line in told if not any(line in text for text in before)]:
        text = "\n".join([f"The memory on `{base}` was edited meanwhile:", *new])
        await _note(desk, text, f"notice:beside:{there}")


def _edited(base: str, memory: Sequence[str]) -> list[str]:
    names = ", ".join(f"`{path.removeprefix(MEMORY)}`" for path in memory)
    said = f"The memory on `{base}` was edited meanwhile ({names}): this thread's lessons are added to it."
    return [said] if memory else []


async def _mention_landed(desk: ThreadDesk, base: str, there: str, tree: str) -> None:
    """All that the branch changed is on its base branch: somebody merged it without us."""
    state, gitdir = desk.state, desk.host.repo.gitdir
    if state.worktree is None or not _beside_ours(
        await desk.space.moved_files(state.worktree.base, state.head)
    ):
        return
    args = ("diff-tree", "-r", "--name-only", "-z", await commits.tree_of(gitdir, there), tree)
    left = (await plumb(*args, gitdir=gitdir)).decode(errors="replace").split("\0")
    if not _beside_ours(left):
        text = f"`{base}` holds all of this branch already: it was merged outside. The journal follows."
        await _note(desk, text, "notice:merged-outside")


def _beside_ours(paths: Sequence[str] | set[str]) -> list[str]:
    return [path for path in paths if path and not path.startswith(f"{FOLDER}/")]


def _made(commit: str, message: str, files: Sequence[str]) -> CheckpointMade:
    return CheckpointMade(commit=commit, message=message, files=list(files))


async def _note(desk: ThreadDesk, text: str, key: str, *events: Event) -> None:
    if events or key not in desk.state.said:
        await desk.post(Outbound(text=text, kind="notice"), key=key, before=events)
