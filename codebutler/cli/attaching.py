"""``--attach FILE``: a person's own files with their message. What cannot be used is refused, not sent."""

from __future__ import annotations

import argparse
import os
import re
import stat
from pathlib import Path

from codebutler.errors import UsageError
from codebutler.filetypes import AUDIO, PICTURES, TEXT, media_type, safe_name
from codebutler.redact import Redactor
from codebutler.store.store import Store
from codebutler.types import Attachment

FILES = 10
"""Files of one message."""
MIB = 1024 * 1024
PICTURE, RECORDING, WRITTEN, OTHER = 16 * MIB, 25 * MIB, MIB, 16 * MIB
"""The largest file of each kind, in bytes."""
_SECRET = re.compile(
    r"(?i)^(\.env(\..*)?|\.netrc|\.npmrc|\.pypirc|\.pgpass|credentials(\.json)?|id_(rsa|dsa|ecdsa|ed25519)"
    r"|.*\.(pem|key|p12|pfx|jks|keystore|kdbx))$"
)


def add_attach(parser: argparse.ArgumentParser) -> None:
    """The flag."""
    parser.add_argument(
        "--attach", action="append", type=Path, default=[], metavar="FILE",
        help="a picture, recording or text to send with the first message; may be given several times",
    )  # fmt: skip


async def attach(paths: list[Path], store: Store, redactor: Redactor) -> list[Attachment]:
    """The files, kept in the store. UsageError names the one that cannot be sent, and why."""
    if len(paths) > FILES:
        raise UsageError(f"{len(paths)} files are too many for one message", fix=f"Attach {FILES} at most.")
    read = [(path, _read(path, redactor)) for path in paths]
    return [
        Attachment(name=safe_name(path.name), sha256=await store.put_blob(data), media_type=media_type(data))
        for path, data in read
    ]


def _read(path: Path, redactor: Redactor) -> bytes:
    if any(_SECRET.match(each.name) for each in (path, path.resolve())):
        raise UsageError(f"{path} looks like a file of secrets", fix="It is not sent; attach something else.")
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe must not hold us up
        try:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                raise UsageError(f"{path} is no regular file", fix="Attach a file.")
            with open(fd, "rb", closefd=False) as file:
                data = file.read(RECORDING + 1)
        finally:
            os.close(fd)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", fix="Check the path.") from error
    _check(path, data, redactor)
    return data


def _check(path: Path, data: bytes, redactor: Redactor) -> None:
    kind = media_type(data)
    if not data:
        raise UsageError(f"{path} is empty", fix="Attach a file that holds something.")
    most = PICTURE if kind in PICTURES else RECORDING if kind in AUDIO else WRITTEN if kind == TEXT else OTHER
    if len(data) > most:
        raise UsageError(
            f"{path} is too large: {most // MIB} MiB is the limit for {kind}", fix="Send less of it."
        )
    if kind == TEXT and redactor.text(text := data.decode()) != text:
        raise UsageError(
            f"{path} holds what looks like a secret, so it is not sent",
            fix="Take it out and attach the rest.",
        )
