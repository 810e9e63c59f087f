"""Pictures: PM and Coder ask the Artist for one, the Artist makes it; files that people sent become files."""

from typing import Annotated, Literal

from pydantic import Field

from codebutler.toolset.desk import Desk, Site
from codebutler.toolset.registry import Arguments, Tool, showing
from codebutler.types import ToolResult

SIZE = r"^(auto|[1-9]\d{1,3}x[1-9]\d{1,3})$"
_Size = Annotated[str, Field(pattern=SIZE)]
_Quality = Literal["auto", "low", "medium", "high"]


class _Draw(Arguments):
    request: str
    files: list[str] = []


class _Generate(Arguments):
    prompt: str
    path: str
    size: _Size = "auto"
    quality: _Quality = "auto"
    background: Literal["auto", "opaque", "transparent"] = "auto"


class _Edit(Arguments):
    paths: Annotated[list[str], Field(min_length=1, max_length=8)]
    prompt: str
    out: str
    mask: str = ""
    size: _Size = "auto"
    quality: _Quality = "auto"


class _Save(Arguments):
    name: str
    path: str


async def _draw(args: _Draw, desk: Desk, site: Site) -> ToolResult:
    return ToolResult(await desk.studio.draw(site, args.request, args.files))


async def _generate(args: _Generate, desk: Desk, site: Site) -> ToolResult:
    return await desk.studio.picture(
        site, args.prompt, args.path, size=args.size, quality=args.quality, background=args.background
    )


async def _edit(args: _Edit, desk: Desk, site: Site) -> ToolResult:
    return await desk.studio.picture(
        site,
        args.prompt,
        args.out,
        size=args.size,
        quality=args.quality,
        sources=tuple(args.paths),
        mask=args.mask,
    )


async def _save(args: _Save, desk: Desk, _site: Site) -> ToolResult:
    return ToolResult(await desk.studio.save(args.name, args.path))


TOOLS: tuple[Tool, ...] = (
    showing(
        "draw",
        "Have the Artist make or edit a picture: what it is for, what is to be seen, size, format, and the "
        "path it belongs to. files: attachments or files to edit or to go by.",
        _Draw,
        _draw,
        recovery="tell",
    ),
    showing(
        "generate_image",
        "Make a picture. path ends in .png, .jpg or .webp.",
        _Generate,
        _generate,
        recovery="tell",
    ),
    showing(
        "edit_image",
        "Edit pictures, or make a new one of them. paths, mask: files, attachments, or pictures of this "
        "thread; a mask is clear where the first picture may change.",
        _Edit,
        _edit,
        recovery="tell",
    ),
    showing(
        "save_attachment",
        "Save a file that a person attached, or a picture of this thread, into the worktree.",
        _Save,
        _save,
        recovery="tell",
    ),
)
