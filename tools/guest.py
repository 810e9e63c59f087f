"""Starts another program behind this border in the executor's place: ``python -I -S tools/ guest SPEC``.

SPEC: {"limits": {...}, "proxy": path or "", "exec": [argv]}. Its standard streams are the program's own.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import NoReturn

from confine import confine


def main(text: str) -> NoReturn:
    """Set limits, open the way out if there is one, and become the program."""
    spec = json.loads(text)
    confine(spec["limits"])
    if spec["proxy"]:
        _forward(spec["proxy"])
    words = spec["exec"]
    try:
        os.execvp(words[0], words)  # noqa: S606 - that there is no shell is the point
    except OSError as error:
        sys.exit(f"{words[0]} cannot be started in the sandbox: {error.strerror}")


def _forward(proxy: str) -> None:
    """The sandbox's end of the way out, in a process of its own: threads do not outlive an exec."""
    ready, go = os.pipe()
    if os.fork() == 0:
        import forward

        null = os.open("/dev/null", os.O_RDWR)
        for fd in (0, 1, 2):  # who reads the program's output must see its end
            os.dup2(null, fd)
        forward.start(proxy)
        os.write(go, b".")
        while True:
            signal.pause()
    os.close(go)
    os.read(ready, 1)
    os.close(ready)
