"""What others push to a thread's branch: joined with ours, and laid out in the worktree."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from codebutler.errors import BranchLost, RepoError
from codebutler.events import CheckpointMade, Event, MessageReceived, Pushed, WorktreeReady
from codebutler.forges.base import Forge
from codebutler.repo.commits import Identity, join_trees, tree_of
from codebutler.repo.git import is_ancestor, plumb
from codebutler.repo.kept import is_kept
from codebutler.repo.merging import join, shown, transplanted
from codebutler.repo.objects import merge_base
from codebutler.repo.remotes import pick_remote
from codebutler.thread.host import JOURNALS, OURS, Host
from codebutler.thread.state import ThreadState
from codebutler.thread.warning import code
from codebutler.types import Outbound

LESSONS = "Add this thread's lessons to the memory on"
STAND, MEET = "Stand on", "Meet"
"""How the subjects of our joins with the base branch begin: by them ``since`` knows these."""
_WITH_THE_BASE = re.compile(rf"(?:{LESSONS}|{STAND}|{MEET}) \S")


class Came(Struct, frozen=True):
    """What the branch becomes. With ``base`` it was rewritten: it goes on from there, above this base."""

    commit: str
    base: str = ""


async def joined(
    host: Host, state: ThreadState, there: str, main: str, *, identity: Identity, settle: bool = False
) -> Came:
    """The commit with our head and the remote's tip ``there``. RepoError says how a person can join them.

    With ``settle``, files that conflict come with both sides in them, for the Coder; but not those that it
    may not write. ``main`` is the base branch's tip. A branch that was rewritten is followed once a person
    was told of it and has spoken since: then it is what is there, with what we had not pushed yet.
    """
    if state.worktree is None:
        raise RepoError("there is no branch yet")
    gitdir, branch, name = host.repo.gitdir, state.worktree.branch, _remote_name(host)
    rewritten = state.pushed and not await is_ancestor(gitdir, state.pushed, there)
    if rewritten and not await is_ancestor(gitdir, there, state.head):
        return await _rewritten(host, state, there, main, identity=identity)
    if not state.pushed and not await _shares(host, state, there):
        raise BranchLost(
            f"{name} has a branch {branch} that is not this thread's: nothing is pushed or taken over",
            fix='Say "fork": the second thread gets a branch of its own. Or, if nobody needs that one, '
            f"delete it (git push {name} --delete {branch}) and say it again",
        )
    fix = _by_hand(state.worktree, f"pull --no-rebase {name} {branch}", "Join them", "commit")
    message = f"Merge what others pushed to {branch}\n"
    firm = OURS if settle else ("",)
    return Came(
        await join(gitdir, state.head, there, message=message, fix=fix, identity=identity, unmarked=firm)
    )


async def _rewritten(host: Host, state: ThreadState, there: str, main: str, *, identity: Identity) -> Came:
    gitdir, tree, name = host.repo.gitdir, state.worktree, _remote_name(host)
    base = await merge_base(gitdir, there, main)
    if tree is None or not await _agreed(host, state, there) or base is None:
        branch = tree.branch if tree else ""
        back = f"put it back (git push --force {name} {state.pushed}:refs/heads/{branch})"
        way = (
            "Say it again to go on from what is there (ours is kept here), or"
            if base
            else "Open a new thread, or"
        )
        raise RepoError(
            f"{branch} was rewritten on the remote: it is at {there[:12]}, without our {state.pushed[:12]}",
            fix=f"{way} {back}",
        )
    held, conflicts = await transplanted(gitdir, state.pushed, there, state.head)
    if conflicts:
        rebase = f"rebase --onto {there} {state.pushed}"
        raise RepoError(
            f"{tree.branch} was rewritten, and conflicts with the work here in {shown(conflicts)}",
            fix=_by_hand(tree, rebase, "Bring it over", "git rebase --continue"),
        )
    if held == await tree_of(gitdir, there):
        return Came(there, base)
    message = f"Go on from {tree.branch} as it was rewritten\n"
    return Came(await join_trees(gitdir, held, [there], message, identity=identity), base)


async def _agreed(host: Host, state: ThreadState, there: str) -> bool:
    """Whether a person has spoken since the thread stopped over the branch being at ``there``."""
    key = f"rewritten:{state.id}:{there}"
    stopped = await host.store.noted(key)
    if not stopped:
        await host.store.note(key, str(state.seq))
        return False
    return any(seq > int(stopped) and isinstance(event, MessageReceived) for seq, _, event in state.live)


def _by_hand(tree: WorktreeReady, order: str, what: str, end: str) -> str:
    run = f"cd {shlex.quote(tree.path)} && git {_trust(Path(tree.path))}{order}"
    return f"{what} by hand ({run}), mend what conflicts, {end}, and say it again"


async def _shares(host: Host, state: ThreadState, there: str) -> bool:
    """Whether a branch that we never saw ours hold our work, or nothing else than that."""
    gitdir, tree = host.repo.gitdir, state.worktree
    common = await merge_base(gitdir, there, state.head)
    if common is None or tree is None:
        return False
    bases = [tree.base, *([state.base.commit] if state.base else [])]
    ours = [not await is_ancestor(gitdir, common, base) for base in bases]
    return common == there or all(ours) or await is_kept(gitdir, tree.branch, there)


def _trust(folder: Path) -> str:
    """What git must be told before it works for us in a folder that belongs to another user."""
    strange = folder.exists() and folder.stat().st_uid != os.geteuid()
    return f"-c safe.directory={shlex.quote(str(folder))} " if strange else ""


def _remote_name(host: Host) -> str:
    """The remote as a person's git takes it: its name, or the URL of one that we made."""
    remote = pick_remote(host.repo, host.home, local=host.config.forge == "local")
    return shlex.quote(remote.url) if remote.made else host.repo.remote_name


def notice(what: str, files: Sequence[str]) -> Outbound:
    """What people are told when something came in: ``what`` somebody did, and the files."""
    shown = ", ".join(f"`{path}`" for path in files[:10]) + (" …" if len(files) > 10 else "")
    text = f"{what}: taken over" + (f", with changes of {shown}." if files else ".")
    return Outbound(text=text, kind="notice")


def came_in(tree: WorktreeReady, came: Came, there: str, files: list[str]) -> tuple[Outbound, list[Event]]:
    """What is said and logged of it once branch and folder are there."""
    made = CheckpointMade(commit=came.commit, message="found on the remote", files=files)
    events: list[Event] = [made]
    if came.base:
        ready = tree.model_copy(update={"base": came.base})  # folded, it is the head as well
        events = [ready, Pushed(branch=tree.branch, commit=there), made]
    did = "rewrote" if came.base else "pushed to"
    return notice(f"Somebody {did} `{tree.branch}`", files), events


async def since(gitdir: Path, old: str, tip: str) -> list[str]:
    """The commits that are new on the branch, as git's revisions.

    What our joins with the base branch brought is that branch's, and nobody committed it here.
    """
    ask = ("log", "--first-parent", "--merges", "--format=%P%x00%s", f"{old}..{tip}", "--")
    joins = (await plumb(*ask, gitdir=gitdir)).decode(errors="replace").splitlines()
    both = [line.partition("\0")[::2] for line in joins]
    met = [parents.split()[1] for parents, subject in both if _WITH_THE_BASE.match(subject)]
    return [f"{old}..{tip}", *(f"^{commit}" for commit in met)]


async def is_over(state: ThreadState, forge: Forge) -> bool:
    """Whether the forge has no branch because the PR is merged (a crash may have kept it from the log)."""
    if state.pr is None or (await forge.get(state.pr.number)).state != "merged":
        return False
    if state.merge is None:
        raise RepoError(
            f"pull request #{state.pr.number} is merged already", fix="Open a new thread for more work"
        )
    return True


def untouched(paths: Sequence[str]) -> tuple[Outbound, str]:
    """What is said of memory files and journals that were put back, and its key."""
    named = code(paths)
    if any(path.startswith(JOURNALS) for path in paths):
        words = f"What only CodeButler writes was changed in the folder ({named}). It is as it was."
    else:
        words = f"Memory was changed without a person's word ({named}). It is as it was: propose it instead."
    return Outbound(text=words, kind="notice"), f"notice:put-back:{named}"
