"""Which setups a commit asks for on this host, and which of them cannot be done here."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from msgspec import Struct

from codebutler.config import Config, load_config
from codebutler.repo.discover import Repo
from codebutler.repo.objects import list_blobs, show_file
from codebutler.sandbox import host
from codebutler.sandbox.settings import SandboxSettings
from codebutler.setup.key import key_of
from codebutler.setup.recipes import Preset, Recipe, committed, detect, own


class Wanted(Struct, frozen=True):
    """A recipe of a commit, with the key of its outcome. ``problem`` says why it cannot even be tried.

    Without a key even what was made before would not serve.
    """

    recipe: Recipe
    key: str
    problem: str = ""
    fix: str = ""


async def read(
    repo: Repo, commit: str, config: Config, home: Path, sandbox: SandboxSettings
) -> tuple[Wanted, ...]:
    """The commit's own recipe, else those of its lockfiles. Raises ConfigError for one that is wrong."""
    if not config.sandbox.setup:
        return ()
    blobs = await list_blobs(repo.gitdir, commit)
    text = await show_file(repo.gitdir, commit, ".codebutler/config.json") or ""
    setup = load_config(repo.root, home=home, env={}, repo_text=text).setup
    if setup.command:
        found = [own(setup)]
        if committed(found[0], blobs):
            fix = "A setup makes folders that the repo does not have"
            return (Wanted(found[0], "", "files of setup.keep are committed", fix),)
    else:
        found = detect(blobs, lambda program: host.inside(program, sandbox.show) is not None)
    if sandbox.tier != "bwrap":  # strangers' install scripts run in the full border or not at all
        why = f"setup does not run with sandbox.tier {sandbox.tier!r}"
        return tuple(Wanted(recipe, "", why, "Install them by hand") for recipe in found)
    return tuple(
        Wanted(recipe, key_of(recipe, blobs, commit, sandbox), *_hindrance(recipe, config, sandbox))
        for recipe in found
    )


def _hindrance(recipe: Recipe, config: Config, settings: SandboxSettings) -> tuple[str, str]:
    """Why a recipe cannot succeed here, and what would help."""
    if not recipe.preset:
        return "", ""
    for name in recipe.programs:
        if host.inside(name, settings.show) is None:
            return f"the sandbox has no {name}", "Install it, or show its folder: sandbox.show"
    sandbox = config.sandbox
    if recipe.preset in sandbox.registries or sandbox.setup_allow or sandbox.allow:
        return "", ""
    if recipe.preset in get_args(Preset):
        fix = f'In the global config.json: "sandbox": {{"registries": ["{recipe.preset}"]}}'
    else:
        fix = "In the global config.json: sandbox.setupAllow with the hosts it needs"
    return "setup has no network on this host", fix
