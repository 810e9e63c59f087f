"""Who is at this terminal, as their commits name them."""

from __future__ import annotations

import os
import re
import shutil

from codebutler.processes import captured
from codebutler.repo.discover import Repo
from codebutler.surfaces.terminal import os_person
from codebutler.types import Person

_ADDRESS = re.compile(r"[^\s<>@]+@[^\s<>@]+")
_SECONDS = 5.0


async def me(repo: Repo) -> Person:
    """The user of the operating system, with the address that git has for their commits in ``repo``.

    Without one where git names none, or refuses a repository of somebody else.
    """
    person, git = os_person(), shutil.which("git")
    if git is None:
        return person
    try:
        said = await captured(
            git, "-C", str(repo.root), "config", "user.email", seconds=_SECONDS, env=os.environ
        )
    except TimeoutError:
        return person
    address = said.out.decode(errors="replace").strip()
    return person.model_copy(update={"mail": address}) if _ADDRESS.fullmatch(address) else person
