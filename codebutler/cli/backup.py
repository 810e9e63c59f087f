"""``codebutler backup``: the repo's threads as one file, also while the service runs."""

from __future__ import annotations

import argparse
import asyncio
import time
from pathlib import Path

from codebutler.cli.common import add_place, place_and_store
from codebutler.config import make_home
from codebutler.errors import CodeButlerError, UsageError
from codebutler.service.keeping import Made, name_of, note_made

HELP = "Save all threads of the repo to one file; the service may go on meanwhile."


def configure(parser: argparse.ArgumentParser) -> None:
    """Where to."""
    parser.add_argument("folder", nargs="?", type=Path, metavar="DIR", help="default: backups in the home")
    add_place(parser)


def run(args: argparse.Namespace) -> int:
    """Exit 0 when the file is on disk and sound."""
    return asyncio.run(_run(args))


async def _run(args: argparse.Namespace) -> int:
    async with place_and_store(args, reads=True) as (place, store):
        make_home(place.home)
        folder = _folder(args.folder or place.home / "backups")
        target = folder / f"{name_of(place.repo)}-{time.strftime('%Y%m%d-%H%M%S')}.db"
        await store.backup(target)
        count = len(await store.threads())
        note_made(place.home, Made(str(target), str(place.repo.root)))
    print(target)
    size = target.stat().st_size
    print(
        f"{count} threads, {size / 2**20:.1f} MiB, checked. Get them back with: codebutler restore {target}"
    )
    return 0


def _folder(wish: Path) -> Path:
    """The folder, made if need be, for its owner alone."""
    folder = wish.absolute()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except FileExistsError as error:
        raise UsageError(f"{folder} is not a folder", fix="Name another one.") from error
    except OSError as error:
        raise CodeButlerError(
            f"{folder} cannot be made: {error.strerror}", fix="Name another one."
        ) from error
    return folder
