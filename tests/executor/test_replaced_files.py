"""A checkpoint of files with other content is made without git, and is the one that git would make."""

from __future__ import annotations

import os
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from codebutler.repo.checkpoints import import_checkpoint
from codebutler.sandbox.executor import Executor
from codebutler.sandbox.settings import TreeReply

REF = "refs/heads/codebutler/t"
PLAIN = {
    "a line more": "echo more >> sub/deep/er/f",
    "as long as before": "sed -i s/o/0/ hello.txt",
    "the same": "cp hello.txt h; cat h > hello.txt; rm h",
    "to nothing": ": > sub/code.py",
    "a program": "echo 'echo more' >> run.sh",
    "several": "for each in hello.txt run.sh sub/code.py sub/deep/er/f; do echo more >> $each; done",
    "put in its place": "cp hello.txt sub/.new; echo more >> sub/.new; mv sub/.new sub/code.py",
    "not text": "printf 'a\\r\\n\\0\\xff' > hello.txt",
    "what came and went": "echo > passing; rm passing; echo more >> sub/code.py",
}
GITS = {
    "a new file": "echo new > new.txt",
    "a file less": "rm hello.txt",
    "a mode": "chmod +x hello.txt",
    "no program any more": "chmod -x run.sh; echo more >> run.sh",
    "a link in place of a file": "ln -sf sub/code.py hello.txt",
    "a folder in place of a file": "rm hello.txt && mkdir hello.txt && echo in > hello.txt/in",
    "a link that leads elsewhere": "ln -sf run.sh link",
    "one that is new beside another": "echo more >> sub/code.py; echo new > sub/new.txt",
    "what git reads": "echo '*.txt eol=crlf' > .gitattributes; printf 'a\\r\\n' > hello.txt",
    "a large file": "head -c 700000 /dev/urandom > hello.txt",
    "large ones": "for each in hello.txt run.sh; do head -c 300000 /dev/urandom > $each; done",
}


class World:
    """A repository of some files, a worktree of it, and an executor there that has looked twice."""

    def __init__(self, linked: Any) -> None:
        self.linked, self.last = linked, ""
        self.hands: Executor

    def commit(self) -> None:
        self.linked.git("add", ".")
        self.linked.git("commit", "--quiet", "--message=more")

    async def begin(self) -> None:
        base = self.linked.git("rev-parse", "HEAD")
        self.linked.git("update-ref", REF, base)
        self.hands = await Executor.start(self.linked.tree, own=True)
        await self.hands.fill(base)
        for _ in range(2):  # from the second look on, the kernel tells of what changes
            self.last = (await self.hands.tree(base, still=True)).tree

    async def after(self, command: str) -> TreeReply:
        """What a command left, imported; it must be what a person's git makes of the folder."""
        said = await self.hands.call("bash", {"command": command})
        assert said.ok, said.text
        old = self.linked.git("rev-parse", REF)
        built = await self.look()
        self._git("read-tree", old)
        self._git("add", "--all")
        assert self._git("write-tree") == built.tree
        return built

    async def look(self, *, still: bool = True) -> TreeReply:
        """What the executor finds now, imported."""
        old, gitdir = self.linked.git("rev-parse", REF), self.linked.repo / ".git"
        built = await self.hands.tree(old, self.last, still=still)
        pack = self.hands.pack(built)
        await import_checkpoint(
            gitdir, tree=built.tree, pack=pack, message="x", ref=REF, old=old, index=False
        )
        self.last = built.tree
        return built

    def _git(self, *words: str) -> str:
        index = {"GIT_INDEX_FILE": str(self.linked.repo.parent / "index")}
        where = {"GIT_DIR": str(self.linked.repo / ".git"), "GIT_WORK_TREE": str(self.linked.tree)}
        env = {**os.environ, **index, **where}
        done = subprocess.run(["git", *words], cwd=self.linked.tree, env=env, check=True, capture_output=True)
        return done.stdout.decode().strip()


@pytest.fixture
async def world(linked: Any) -> AsyncIterator[World]:
    (linked.repo / "sub/deep/er").mkdir(parents=True)
    (linked.repo / "sub/deep/er/f").write_text("f\n")
    (linked.repo / "run.sh").write_text("echo\n")
    (linked.repo / "run.sh").chmod(0o755)
    (linked.repo / "link").symlink_to("hello.txt")
    world = World(linked)
    world.commit()
    yield world
    await world.hands.close()


@pytest.mark.parametrize("change", [*PLAIN, *GITS])
@pytest.mark.parametrize("packed", [False, True], ids=["loose", "packed"])
async def test_it_is_the_tree_that_git_makes(world: World, change: str, packed: bool) -> None:
    if packed:
        world.linked.git("gc", "--quiet")
    await world.begin()
    assert (await world.after({**PLAIN, **GITS}[change])).plain == (change in PLAIN)


async def test_a_pipe_in_place_of_a_file_is_not_waited_for(world: World) -> None:
    await world.begin()
    assert (await world.hands.call("bash", {"command": "rm run.sh hello.txt; mkfifo hello.txt"})).ok
    built = await world.hands.tree(world.linked.git("rev-parse", REF), world.last, still=True)
    assert not built.plain


async def test_a_file_below_more_folders_than_we_go_down(world: World) -> None:
    deep = "/".join(["d"] * 1200)
    await world.begin()
    await world.after(f"mkdir -p {deep} && cd {deep} && echo 1 > f")
    await world.after("true")
    assert not (await world.after(f"cd {deep} && echo 2 > f")).plain


async def test_one_goes_on_from_the_other(world: World) -> None:
    """Those that git makes, those that it does not, and what else looks at the files in between."""
    await world.begin()
    base = world.linked.git("rev-parse", REF)
    assert (await world.after("echo 1 >> hello.txt")).plain
    assert (await world.after("echo 1 >> sub/code.py")).plain
    nothing = await world.after("true")
    assert (nothing.plain, nothing.pack_size) == (True, 0)
    assert not (await world.after("echo 1 > new.txt")).plain
    assert (await world.after("echo 2 >> new.txt; echo 2 >> hello.txt")).plain
    await world.hands.call("bash", {"command": "echo 3 >> hello.txt"})
    assert {"hello.txt", "new.txt"} < {each.path for each in await world.hands.status(base)}
    assert not (await world.after("true")).plain  # the status had taken in what the tree lacked
    assert (await world.after("echo 4 >> hello.txt")).plain
    assert not (await world.after("rm new.txt; echo 5 >> hello.txt")).plain
    assert (await world.after("echo 6 >> sub/deep/er/f")).plain


@pytest.mark.parametrize("then", ["true > new.txt", "chmod +x run.sh", "rm run.sh", "mkdir new"])
async def test_a_file_with_the_times_of_before_is_not_taken_back(world: World, then: str) -> None:
    """Git knows a change by times and size, to the second: here all of them are as before."""
    same = "printf 'hell%s\\n' {} > hello.txt; touch -d @1000000000 hello.txt"
    world.linked.git("config", "core.trustctime", "false")
    await world.begin()
    assert not (await world.after(f"{same.format(0)}; true > first.txt")).plain  # so that git saw those times
    assert (await world.after(same.format(1))).plain
    assert (await world.after(same.format(2))).plain
    assert (await world.hands.call("bash", {"command": then})).ok
    for still in (True, False):
        await world.look(still=still)
        assert world.linked.git("show", f"{REF}:hello.txt") == "hell2"


@pytest.mark.parametrize("beside", ["", "; echo n > n1.txt", "; mkdir d; echo n > d/n1.txt"])
@pytest.mark.parametrize("still", [True, False])
@pytest.mark.parametrize("attributes", ["", "* text=auto\n"])
async def test_a_file_with_the_times_of_before_is_seen(
    world: World, beside: str, still: bool, attributes: str
) -> None:
    """Where git looks alone, too: what the kernel told of is hashed, whatever its times."""
    (world.linked.repo / ".gitattributes").write_text(attributes)
    world.commit()
    await world.begin()
    begin = "mkdir A B; echo 1 > A/v; echo 2 > B/v; touch -d @1700000000 A/v B/v; cp -p A/v v.txt"
    assert not (await world.after(begin)).plain
    await world.after("true")
    assert (await world.hands.call("bash", {"command": f"cp -p B/v v.txt{beside}"})).ok
    await world.look(still=still)
    assert world.linked.git("show", f"{REF}:v.txt") == "2"


@pytest.mark.parametrize("before", ["", "true", "echo 1 >> hello.txt", "chmod +x hello.txt"])
@pytest.mark.parametrize("times", ["", "; touch -d @1000000000 sub/code.py"])
async def test_an_index_that_a_command_wrote_to_hides_nothing(world: World, before: str, times: str) -> None:
    """Whatever git is asked before the look: it does not make that index ours."""
    await world.begin()
    if before:
        await world.after(before)
    trick = "GIT_INDEX_FILE=/codebutler/state/git/index git update-index --assume-unchanged sub/code.py"
    await world.after(f"{trick}; echo evil > sub/code.py{times}")
    assert world.linked.git("show", f"{REF}:sub/code.py") == "evil"


async def test_many_files_with_older_times_are_no_burden(world: World) -> None:
    """As an archive leaves them: more names than one command line holds."""
    await world.begin()
    many = """import os
os.mkdir("d")
for name in (f"{n:0>200}" for n in range(12000)):
    open(f"d/{name}", "w").close()
    os.utime(f"d/{name}", (1, 1))
    os.rename(f"d/{name}", name)
"""
    assert not (await world.after(f"python3 -c '{many}'")).plain


async def test_memory_is_left_to_git_as_it_may_be_put_back(world: World) -> None:
    memory = world.linked.repo / ".codebutler/memory"
    memory.mkdir(parents=True)
    (memory / "pm.md").write_text("- Kept.\n")
    world.linked.git("add", "--force", str(memory / "pm.md"))
    world.linked.git("commit", "--quiet", "--message=memory")
    await world.begin()
    assert (await world.after("echo more >> hello.txt")).plain
    assert not (await world.after("echo more >> .codebutler/memory/pm.md; echo more >> hello.txt")).plain


async def test_another_name_of_a_file_changes_with_it(world: World) -> None:
    await world.begin()
    await world.after("ln hello.txt other.txt")
    await world.after("true")
    assert not (await world.after("echo more >> other.txt")).plain
    assert world.linked.git("show", f"{REF}:hello.txt").endswith("more")


async def test_who_knows_of_another_tree_gets_all_that_it_lacks(world: World) -> None:
    await world.begin()
    first = world.last
    assert (await world.after("echo 1 >> hello.txt")).plain
    world.last, lost = first, world.last  # as after an import that failed
    assert not (await world.after("echo 1 >> sub/code.py")).plain
    assert world.last != lost


@pytest.mark.parametrize(
    "setting", ["config core.autocrlf true", "config core.autocrlf input", "config core.sparseCheckout yes"]
)
async def test_settings_by_which_git_stores_other_bytes_leave_it_to_git(world: World, setting: str) -> None:
    world.linked.git(*setting.split())
    await world.begin()
    assert not (await world.after("printf 'a\\r\\n' > hello.txt")).plain


async def test_attributes_leave_it_to_git_where_they_hold(world: World) -> None:
    (world.linked.repo / "sub/.gitattributes").write_text("* text=auto\n")
    world.commit()
    await world.begin()
    assert (await world.after("printf 'a\\r\\n' > hello.txt")).plain
    assert not (await world.after("printf 'a\\r\\n' > sub/deep/er/f")).plain
    (world.linked.repo / ".git/info/attributes").write_text("* text=auto\n")
    assert not (await world.after("printf 'b\\r\\n' > hello.txt")).plain


async def test_a_repository_of_longer_names(world: World, tmp_path: Path) -> None:
    """SHA-256."""
    old, repo = world.linked.repo, tmp_path / "longer"
    subprocess.run(["git", "init", "--quiet", "--object-format=sha256", str(repo)], check=True)
    subprocess.run(
        ["cp", "-a", *map(str, (old / "hello.txt", old / "sub", old / "run.sh")), str(repo)], check=True
    )
    longer = type(world.linked)(repo, repo / ".codebutler/branches/t", "")
    for each in ("name", "email"):
        longer.git("config", f"user.{each}", "t")
    longer.git("add", ".")
    longer.git("commit", "--quiet", "--message=all")
    longer.git("worktree", "add", "--quiet", "--no-checkout", "-b", "codebutler/t", str(longer.tree))
    world.linked = longer
    await world.begin()
    built = await world.after("echo more >> sub/deep/er/f")
    assert (built.plain, len(built.tree)) == (True, 64)


@pytest.mark.parametrize("still", [True, False])
async def test_files_that_come_and_go_meanwhile_stop_no_look(world: World, still: bool) -> None:
    """As builds and watchers make them, in the background: git lists a file, and finds it gone."""
    for number in range(60):
        (world.linked.repo / f"d{number}").mkdir()
        (world.linked.repo / f"d{number}/f").write_text("f\n")
    world.commit()
    await world.begin()
    churn = "while :; do for d in d*; do : > $d/t; mv $d/t $d/f; done; done"
    started = await world.hands.call("bash", {"command": churn, "background": True})
    assert started.ok, started.text
    for number in range(25):
        assert (await world.hands.call("bash", {"command": f"echo {number} > new{number}"})).ok
        await world.look(still=still)
        assert world.linked.git("show", f"{REF}:new{number}") == str(number)
