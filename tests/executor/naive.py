"""A deliberately weak executor: what many agents do. ``naive.py ROOT`` answers JSON lines on stdio.

A realpath check in front of file tools, plain bash, plain git in the worktree. The escape suite shows each of
its attacks to succeed here, so that "it failed against ours" means something. Only ever started inside a
bubblewrap in which nothing but the test's own folder can be written.
"""

from __future__ import annotations

import glob
import json
import os
import subprocess
import sys
import threading
import time
from typing import Any

ROOT = os.path.realpath(sys.argv[1])
VICTIM = subprocess.Popen(
    [sys.executable, "-c", "import time; time.sleep(60)", "the-victim", os.environ["OPENAI_API_KEY"]]
)


def inside(path: str) -> str:
    """The check that looks right: it compares text, and what it checked may change before it is used."""
    real = os.path.realpath(os.path.join(ROOT, path))
    if not real.startswith(ROOT):
        raise PermissionError(f"{path} is outside")
    time.sleep(0.002)  # the window that a busy machine gives
    return os.path.join(ROOT, path)


def run(*argv: str) -> str:
    done = subprocess.run(
        argv,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    return done.stdout.decode("utf-8", "replace")


def call(name: str, a: dict[str, Any]) -> str:
    if name == "bash":
        return run("bash", "-c", a["command"])
    if name == "read":
        with open(inside(a["path"]), encoding="utf-8", errors="replace") as file:
            return file.read()
    if name == "write":
        with open(inside(a["path"]), "w", encoding="utf-8") as file:
            file.write(a["content"])
        return "written"
    if name == "edit":
        with open(inside(a["path"]), "r+", encoding="utf-8") as file:
            text = file.read().replace(a["old"], a["new"])
            file.seek(0)
            file.write(text)
            file.truncate()
        return "edited"
    if name == "apply_patch":
        return patch(a["input"])
    if name == "grep":
        return run("rg", a["pattern"], inside(a.get("path", ".")))
    if name == "glob":
        return "\n".join(glob.glob(os.path.join(ROOT, a["pattern"]), recursive=True))
    return daemon(name, a)


def patch(text: str) -> str:
    """As much of the format as the attacks need."""
    target = ""
    for line in text.splitlines():
        word, _, path = line.removeprefix("*** ").partition(" File: ")
        if word == "Delete":
            os.remove(os.path.realpath(inside(path)))
        elif word == "Add":
            target = inside(path)
        elif word == "Update":
            with open(inside(path), encoding="utf-8") as file:
                raise ValueError(f"the patch does not fit: {file.read()}")
        elif line.startswith("+"):
            with open(target, "a", encoding="utf-8") as file:
                file.write(line[1:] + "\n")
    return "done"


def daemon(name: str, a: dict[str, Any]) -> str:
    """What the unsandboxed half does with the worktree."""
    if name == "status":
        return run("git", "status", "--short")
    if name == "diff":
        return run("git", "diff", "HEAD")
    if name == "checkpoint":
        return run("git", "add", "--all") + run("git", "commit", "--quiet", "--message=checkpoint")
    with open(os.path.join(ROOT, a["path"]), encoding="utf-8", errors="replace") as file:
        return file.read()


def answer(request: dict[str, Any]) -> None:
    try:
        text = call(request["name"], request["arguments"])
    except (OSError, UnicodeError, ValueError, subprocess.SubprocessError) as error:
        text = str(error)
    reply = {"id": request["id"], "text": text, "victim": VICTIM.poll() is None}
    sys.stdout.write(json.dumps(reply) + "\n")
    sys.stdout.flush()


for line in sys.stdin:
    threading.Thread(target=answer, args=(json.loads(line),), daemon=True).start()
os._exit(0)
