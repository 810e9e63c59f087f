"""``codebutler`` as any program starts it, from a warm process: python -I -S warm_client.py SOCKET WORDS…

Output, input, folder and environment are the caller's. Signals do not reach it.
"""

import json
import os
import signal
import socket
import sys
from pathlib import Path

with socket.socket(socket.AF_UNIX) as server:
    server.connect(sys.argv[1])
    order = {"words": sys.argv[2:], "cwd": str(Path.cwd()), "env": dict(os.environ)}
    socket.send_fds(server, [json.dumps(order).encode() + b"\n"], [0, 1, 2])
    with server.makefile() as answers:
        code = int(answers.readline())
if code < 0:
    signal.signal(-code, signal.SIG_DFL)
    os.kill(os.getpid(), -code)
sys.exit(code)
