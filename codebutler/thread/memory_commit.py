"""What a person keeps becomes a commit: on the pull request's branch, or in a small one of its own."""

from __future__ import annotations

from collections.abc import Sequence

from codebutler.errors import RepoError
from codebutler.events import MemoryCommitted, MemoryDecided
from codebutler.repo import commits
from codebutler.repo.memory_file import memory_text
from codebutler.repo.memory_items import without_note
from codebutler.repo.words import signature
from codebutler.text import sentence
from codebutler.thread import lessons
from codebutler.thread.desk import ThreadDesk
from codebutler.thread.landing import closed_outside
from codebutler.thread.lastword import STAYS
from codebutler.thread.memory_changes import Changes, Reader, changes
from codebutler.types import Choice, MemoryItem, Outbound


async def commit_memory(desk: ThreadDesk) -> None:
    """One commit for one decision, by the bot with the person as co-author."""
    decided = desk.state.kept[desk.state.memory_commits]
    await desk.load_rules()
    if await _lands_with_it(desk):
        await _on_the_branch(desk, decided)
    else:
        await _by_itself(desk, decided)


async def _lands_with_it(desk: ThreadDesk) -> bool:
    """Whether the thread's pull request is open, at the forge as well: nothing else lands its branch."""
    pr = desk.state.pr
    if pr is None or desk.state.pr_state != "open" or desk.state.removed:
        return False
    if await closed_outside(desk, f"What is kept goes into a pull request of its own. {STAYS}"):
        return False
    return (await (await desk.space.forge()).get(pr.number)).state == "open"


async def _on_the_branch(desk: ThreadDesk, decided: MemoryDecided) -> None:
    await desk.space.take_in()  # a person may have edited memory on the pull request

    async def read(path: str) -> str | None:
        return await memory_text(desk.host.repo.gitdir, desk.state.head, path)

    done = await _changes(desk, decided, read)
    again = decided.dropped if decided.apart and not done.refused and done.kept else []
    commit = await desk.space.commit_files(done.files, _message(desk, done.kept), signature(decided.by))
    await _tell(
        desk,
        decided,
        done,
        MemoryCommitted(
            commit=commit, files=sorted(done.files), refused=done.refused, aside=[*done.aside, *again]
        ),
        "with the pull request",
    )
    await desk.space.push()


async def _by_itself(desk: ThreadDesk, decided: MemoryDecided) -> None:
    """A thread without a pull request, or whose own has landed: the items go into one of their own.

    Repeated after a crash it finds the branch that it has pushed, and the pull request.
    """
    forge, base = await desk.space.forge(), (await desk.space.base()).branch
    there, gitdir = await forge.fetch(base), desk.host.repo.gitdir
    if not there:
        raise RepoError(f"the branch {base} is gone from the remote")

    async def read(path: str) -> str | None:
        return await memory_text(gitdir, there, path)

    branch = f"codebutler/memory-{desk.state.id}-{desk.state.memory_commits + 1}"
    done = await _changes(desk, decided, read)
    message = _message(desk, done.kept)
    pushed = await forge.fetch(branch)
    files = {path: text.encode() for path, text in done.files.items()}
    tree, commit = await commits.tree_with(gitdir, there, files), pushed
    if not pushed or await commits.tree_of(gitdir, pushed) != tree:
        words = commits.signed(message, [signature(decided.by)])
        commit = await commits.commit_tree(gitdir, tree, there, words, identity=desk.space.identity)
    where, button = "nowhere: there was nothing to change", list[Choice]()
    if commit != there:
        if commit != pushed:
            await forge.push(branch, commit, expect=pushed)
        title, _, body = message.partition("\n")
        pr = await forge.open_pr(branch=branch, base=base, title=title, body=desk.redact(body.strip()))
        where = f'with [#{pr.number}]({pr.url}), which waits to be merged: say **"merge"**'
        button = [Choice(action="merge", label="Merge", value=str(pr.number))]
    event = MemoryCommitted(
        commit=commit, files=sorted(done.files), branch=branch, refused=done.refused, aside=done.aside
    )
    await _tell(desk, decided, done, event, where, choices=button)


async def _changes(desk: ThreadDesk, decided: MemoryDecided, read: Reader) -> Changes:
    state = desk.state
    return await changes(decided, read, thread=state.id, ts=state.ts, shipped=desk.rules.memory)


def _message(desk: ThreadDesk, kept: Sequence[MemoryItem]) -> str:
    if kept and all(item.kind == "revert" for item in kept):
        is_back = not any(item.replaces[0] for item in kept)
        title = f"{'Put back into memory' if is_back else 'Forget what was learned'}: {kept[0].text[:40]}"
    else:
        title = f"Remember what thread {desk.state.id} taught"
    return "\n".join([title, "", *(f"- {_told(item)}" for item in kept)])


def _told(item: MemoryItem) -> str:
    if item.kind == "remove":
        return f"no longer: {item.text}"
    if item.kind == "revert":
        return f"{'no longer' if item.replaces[0] else 'there again'}: {item.text}"
    return item.text


def _again(before: int, aside: Sequence[MemoryItem]) -> list[str]:
    """How to take up what was refused; its numbers come after those that were set aside before."""
    numbers = " ".join(str(n) for n, _ in enumerate(aside, before + 1))
    return [f'Once that is mended, **"/memory keep {numbers}"** takes it up again.'] if aside else []


def _names(decided: MemoryDecided, kept: Sequence[MemoryItem]) -> str:
    """What was kept, as people saw it listed."""
    numbers = decided.numbers or [0] * len(decided.kept)
    both = [(item, n) for item, n in zip(decided.kept, numbers, strict=True) if item in kept]
    return lessons.done([item for item, _ in both], [n for _, n in both])


async def _tell(
    desk: ThreadDesk,
    decided: MemoryDecided,
    done: Changes,
    event: MemoryCommitted,
    where: str,
    *,
    choices: Sequence[Choice] = (),
) -> None:
    count = len(done.kept)
    if count and all(item.kind == "revert" for item in done.kept):
        gone = " ".join(sentence(item.text) for item in done.kept if item.replaces[0])
        back = [f"\nThere again: {without_note(old)[0]}" for item in done.kept for old in item.replaces[1:]]
        along = [f"\nWith it went: {item.seen}" for item in done.kept if item.seen]
        words = f"{f'Taken back: {gone} ' if gone else ''}That lands {where}.{''.join([*along, *back])}"
    else:
        words = f"{_names(decided, done.kept)}; memory lands {where}."
    if not count and done.held:
        words = "Memory is as it should be already: nothing was changed."
    elif not count:
        words = "Nothing was kept."
    words += f" {decided.left_out}" if decided.left_out else ""
    words += "".join(f"\n{line}" for line in done.told)
    words += "".join(f"\nNot kept: {reason}" for reason in done.refused)
    words += "".join(f"\n{line}" for line in _again(len(desk.state.set_aside), done.aside))
    if len(event.aside) > len(done.aside) and desk.state.memory is None:
        words += f"\n\n{lessons.aside([*desk.state.set_aside, *event.aside], is_open=True)}"
    key = f"memory:{desk.state.memory_commits}"
    await desk.post(Outbound(text=words, role="lead", choices=list(choices)), key=key, before=[event])
