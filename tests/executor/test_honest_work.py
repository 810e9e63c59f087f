"""What people do all day must work inside: a border that breaks builds gets switched off."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from codebutler.repo.index import sync_index
from codebutler.sandbox.executor import Executor
from codebutler.sandbox.settings import SandboxSettings

SERVER = (
    "import http.server as h, threading, urllib.request as r; "
    "s = h.ThreadingHTTPServer(('127.0.0.1', 0), h.SimpleHTTPRequestHandler); "
    "threading.Thread(target=s.serve_forever, daemon=True).start(); "
    "print(r.urlopen(f'http://localhost:{s.server_port}/').status)"
)
# fmt: off
WORK = {
    "git status": ("echo x > new; git status --short", "?? new"),
    "git diff": ("echo x >> hello.txt; git diff", "+x"),
    "git log": ("git log --oneline | wc -l", "2"),
    "git show": ("git show HEAD:hello.txt", "hello"),
    "git blame": ("git blame hello.txt | wc -l", "1"),
    "git grep": ("git grep -c hello -- hello.txt", "hello.txt:1"),
    "git of another repository": (
        "git init -q /tmp/o && cd /tmp/o && git commit -qm elsewhere --allow-empty && git log --format=%s",
        "elsewhere",
    ),
    "git of a nested repository": (
        "git init -q n; cd n; echo a > a; git add a; git commit -qm nested; git log --format=%s",
        "nested",
    ),
    "git apply": (
        "printf -- '--- a/hello.txt\\n+++ b/hello.txt\\n@@ -1 +1 @@\\n-hello\\n+bye\\n' | git apply && cat hello.txt",
        "bye",
    ),
    "python": ("python3 -c 'import json, ssl, sqlite3, ctypes; print(6 * 7)'", "42"),
    "virtual environment": (
        "python3 -m venv --without-pip v && v/bin/python -c 'import sys; print(sys.prefix)'",
        "/v",
    ),
    "unittest": ("printf 'import unittest\\nclass T(unittest.TestCase):\\n def test(self): pass\\n' > test_x.py; python3 -m unittest", "OK"),
    "processes of Python": ("printf 'import multiprocessing as m\\nif __name__ == \"__main__\": print(sum(m.Pool(2).map(abs, [-1, -2])))\\n' > p.py; python3 p.py", "3"),
    "threads": (
        "python3 -c 'import concurrent.futures as c; print(sum(c.ThreadPoolExecutor(20).map(abs, range(9))))'",
        "36",
    ),
    "server on loopback": (f'python3 -c "{SERVER}"', "200"),
    "unix socket": (
        "python3 -c 'import socket; s = socket.socket(socket.AF_UNIX); s.bind(\"s\"); s.listen(); print(1)'",
        "1",
    ),
    "temporary files": ("f=$(mktemp); echo x > $f; cat $f; df /tmp | wc -l", "x\n2"),
    "shared memory": (
        "python3 -c 'import multiprocessing.shared_memory as m; s = m.SharedMemory(create=True, size=9); s.unlink(); print(1)'",
        "1",
    ),
    "home": ("mkdir -p ~/.cache/x && echo y > ~/.cache/x/z && cat ~/.cache/x/z", "y"),
    "odd names": ("touch 'ü ñ 日本.txt' -- '-x'; ls -- *日本*", "ü ñ 日本.txt"),
    "links inside": ("ln -s hello.txt l; ln hello.txt h; cat l h", "hello\nhello"),
    "modes": ("echo 'echo ran' > r; chmod 755 r; ./r; stat -c %a r", "ran\n755"),
    "deep folders": ("mkdir -p a/b/c/d/e; mv a z; find z -type d | wc -l", "5"),
    "pipes and jobs": ("(sleep 0.1; echo late) & wait; seq 100000 | sort -rn | head -1", "late\n100000"),
    "signals": ("trap 'echo caught' TERM; kill -TERM $$; echo on", "caught\non"),
    "exit of a group": ("timeout 0.2 sleep 5; echo $?", "124"),
    "who am I": ("id -un; test -w . && test ! -w /usr && echo mine", "agent\nmine"),
    "device files": ("head -c 4 /dev/urandom | wc -c; echo x > /dev/null; ls /dev/fd/0", "4\n/dev/fd/0"),
    "long output": ("seq 200000", "200000"),
    "archive": ("tar czf a.tgz hello.txt && tar xzOf a.tgz", "hello"),
    "search": ("rg -c hello hello.txt || grep -c hello hello.txt", "1"),
    "clock": ("date +%Y | grep -c 20", "1"),
}
PROGRAMS = {
    "gcc": (
        "printf '#include <stdio.h>\\nint main(void) { puts(\"built\"); }\\n' > m.c && gcc -O1 m.c -o m && ./m",
        "built",
    ),
    "make": ("printf 'all:\\n\\t@echo made\\n' > Makefile && make -j4", "made"),
    "node": (
        "node -e 'const {Worker} = require(\"worker_threads\"); console.log([1, 2].map(x => x * 2).join())'",
        "2,4",
    ),
    "perl": ("perl -e 'print 6 * 7'", "42"),
    "openssl": ("openssl rand -hex 4 | wc -c", "9"),
}
# fmt: on


@pytest.fixture
async def settled(hands: Executor, linked: Any) -> Executor:
    """The hands on a worktree as a thread has it: the index was set when the branch was checked out."""
    await sync_index(linked.repo / ".git", "refs/heads/codebutler/t", linked.base)
    return hands


@pytest.mark.parametrize(("command", "said"), WORK.values(), ids=WORK)
async def test_work(settled: Executor, command: str, said: str) -> None:
    result = await settled.call("bash", {"command": command, "timeout": 60})
    assert result.ok, result.text
    assert said in result.text


LOST = {
    "processes of Python": "its locks lie in /dev/shm, which all programs share",
    "server on loopback": "no sockets",
    "unix socket": "no sockets",
    "shared memory": "/dev/shm, again",
    "who am I": "the accounts of the host are not shown",
    "git of another repository": "it lies in /tmp, which all programs share: TMPDIR is another folder",
    "temporary files": "df reads /proc/self/mounts",
}
"""What the reduced tier costs (docs/security.md)."""


async def test_work_behind_the_reduced_border(linked: Any, open_tmp: Path) -> None:
    """All of it but what the tier costs: were one of those to work, the list would be wrong."""
    hands = await Executor.start(linked.tree, own=True, settings=SandboxSettings(tier="reduced"))
    try:
        await hands.fill(linked.base)
        await sync_index(linked.repo / ".git", "refs/heads/codebutler/t", linked.base)
        failed = {}
        begin = "git ls-files -o | xargs -rd'\\n' rm -f; printf 'hello\\n' > hello.txt; rm -rf n z v"
        here = {
            name for name in PROGRAMS if any(Path(at, name).exists() for at in ("/usr/bin", "/usr/local/bin"))
        }
        for name, (command, said) in (WORK | {name: PROGRAMS[name] for name in here}).items():
            result = await hands.call("bash", {"command": f"{begin}; {command}", "timeout": 60})
            if not (result.ok and said in result.text):
                failed[name] = result.text
    finally:
        await hands.close()
    assert failed.keys() == LOST.keys(), failed


@pytest.mark.parametrize("program", PROGRAMS)
async def test_programs_of_this_machine(hands: Executor, program: str) -> None:
    """Each program that is here works inside, too; where it is missing, nothing can be said of it."""
    if not any((Path(folder) / program).exists() for folder in ("/usr/bin", "/usr/local/bin")):
        assert shutil.which(program) is None or not str(shutil.which(program)).startswith("/usr/")
        return
    command, said = PROGRAMS[program]
    result = await hands.call("bash", {"command": command, "timeout": 60})
    assert result.ok, result.text
    assert said in result.text


async def test_tools_of_files(hands: Executor, linked: Any) -> None:
    """The other tools, on names and contents that are unusual and harmless."""
    name = "ü ñ/日本 'x'.txt"
    assert (await hands.call("write", {"path": name, "content": "eins\nzwei\n"})).ok
    assert (await hands.call("edit", {"path": name, "old": "zwei", "new": "two"})).ok
    assert "two" in (await hands.call("read", {"path": name})).text
    assert name in (await hands.call("grep", {"pattern": "two"})).text
    assert name in (await hands.call("glob", {"pattern": "**/*.txt"})).text
    assert (await hands.call("read", {"path": str(linked.tree / "hello.txt")})).ok
    assert [each.path for each in await hands.status(linked.base)] == [name]
