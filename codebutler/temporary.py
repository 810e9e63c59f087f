"""The host's temporary folder, for a process that may outlive it."""

from __future__ import annotations

import tempfile
from pathlib import Path


def folder() -> Path:
    """Where temporary files go. A session's own ($TMPDIR) ends with the session: it is then chosen anew."""
    if not Path(tempfile.gettempdir()).is_dir():
        tempfile.tempdir = None
    return Path(tempfile.gettempdir())
