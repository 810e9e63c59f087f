"""A stage whose remote is a GitHub on loopback: for tests of whole threads."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from codebutler.testing.github.project import Project
from codebutler.testing.github.server import GitHubTwin
from codebutler.testing.stage import Stage


@asynccontextmanager
async def staged(stage: Stage, hub: Path) -> AsyncIterator[Project]:
    """The sample's remote as acme/parcelrate: "butler", who is us, and "ann" may write. ``hub``: its data."""
    async with GitHubTwin(hub) as twin:
        project = twin.hub.project("acme/parcelrate", remote=stage.sample.remote)
        project.collaborators |= {"butler": "write", "ann": "write"}
        stage.git("remote", "set-url", "origin", project.clone_url)
        section = twin.settings("butler", postSeconds=0, pollSeconds=0.3)
        stage.configure({"github": section, "threads": {"burstSeconds": 0}})
        yield project
