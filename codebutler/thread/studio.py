"""Pictures in a thread: the Artist's run, what it buys, and where it goes (toolset.images.Studio).

A picture is paid for once: it is in the log, with its bytes in the store, before anything is done with it.
Only the Coder's go into the worktree. A PM changes no code, so its pictures lie in ``.codebutler/images/``.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from itertools import count
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from codebutler.dollars import exact
from codebutler.errors import ConfigError, ModelError, ModelRefused, RepoError, ToolFailed
from codebutler.events import FrameEnded, ImageMade, ImageOrdered, ModelFailed
from codebutler.filetypes import PICTURES, TEXT, numbered, picture, safe_name
from codebutler.models import images, media
from codebutler.models.images import Drawn, Order, Source
from codebutler.models.media import Service
from codebutler.repo import shelf
from codebutler.text import fit, sentence
from codebutler.toolset.desk import EndTurn, Site
from codebutler.types import Attachment, Outbound, Picture, ToolResult, Usage

if TYPE_CHECKING:
    from codebutler.thread.desk import ThreadDesk

ARTIST = "artist"
FORMS = {"png": "png", "jpg": "jpeg", "jpeg": "jpeg", "webp": "webp"}
REQUEST = 8_000
LONGEST = 4096
"""Pixels of a side that may be ordered: a dear slip of the pen must not use up a cap."""
SHOWN = 4 * 1024 * 1024
"""Bytes of a picture up to which the Artist sees it."""
FILE = 8 * 1024 * 1024
"""Bytes of a file that the executor hands over."""
BRIEF = "The {asker} asks you for this:\n\n{request}{files}"
NOTHING = "[made: nothing: there is no picture of this request, whatever the Artist says above]"
OTHER = '**"/artist NAME"** gives it another model.'
INTERRUPTED = (
    "this order was interrupted, and the picture may have been paid for without reaching us. "
    "Order it anew if it is still wanted"
)


class ThreadStudio:
    """The studio of one claimed thread."""

    def __init__(self, desk: ThreadDesk) -> None:
        """``desk`` is the thread's."""
        self._desk = desk

    # ------------------------------------------------------------------ the Artist's run

    async def draw(self, site: Site, request: str, files: list[str]) -> str:
        """Run the Artist, once for each call."""
        desk, name = self._desk, _frame_of(site)
        known = desk.state.frames.get(name)
        if known is None or known.ended is None:
            self._service()  # without one, nobody is paid to write prompts
            if not request.strip():
                raise ToolFailed("the Artist needs a request: what is to be seen, and what for")
            listed = f"\n\nFiles to go by: {', '.join(files)}" if files else ""
            asker = desk.role(site.role).title
            brief = BRIEF.format(asker=asker, request=fit(request.strip(), REQUEST), files=fit(listed, 1_000))
            frame = await desk.start_frame(name, ARTIST, brief)
            try:
                text = await desk.work(frame, desk.role(ARTIST))
            except EndTurn as end:
                if end.outcome != "failed" or desk.state.halted:
                    raise
                text = f"The Artist did not finish: {end.text}"
                if type(end.__cause__) is ModelRefused:  # a key, credit, an id: for people to mend
                    words = f"The Artist could not work: {sentence(end.text)} {OTHER}"
                    await desk.announce(words, source=f"notice:artist:{desk.state.model_of(ARTIST)}")
            await desk.append(FrameEnded(frame=name, outcome="done", text=text))
        else:
            text = known.last_text
        return "\n".join([text, *self._pictures_of(name)]).strip()

    def _pictures_of(self, frame: str) -> list[str]:
        made = [each for each in self._desk.state.made.values() if each.frame == frame]
        return [f"[made: {each.path}, {each.width}x{each.height}]" for each in made] or [NOTHING]

    # ------------------------------------------------------------------------- a picture

    async def picture(
        self, site: Site, prompt: str, path: str, *, size: str, quality: str, background: str = "auto",
        sources: tuple[str, ...] = (), mask: str = "",
    ) -> ToolResult:  # fmt: skip
        """Buy it if it is not in the log, save it, show it."""
        made = self._desk.state.made.get(site.key)
        if made is None:
            if not prompt.strip():
                raise ToolFailed("the prompt is empty: say what is to be seen")
            if len(prompt) > images.PROMPT:
                raise ToolFailed(f"the prompt has more than {images.PROMPT} characters")
            if any(int(side) > LONGEST for side in size.split("x") if side.isdecimal()):
                raise ToolFailed(f"size {size}: no side may be longer than {LONGEST} pixels")
            form = _form(path)
            await self._look_at(site, path)
            order = Order(
                prompt=prompt,
                size=size,
                quality=quality,
                background=background,
                form=form,
                sources=[await self._source(name) for name in sources],
                mask=await self._source(mask) if mask else None,
            )
            made = await self._buy(site, order, path)
        data = await self._desk.host.store.get_blob(made.picture.sha256)
        if data is None:
            raise ToolFailed("the picture is no longer kept: make it anew")
        return await self._hand_over(site, made, data)

    async def _buy(self, site: Site, order: Order, path: str) -> ImageMade:
        desk, use = self._desk, self._service()
        if site.key in desk.state.buying:
            raise ToolFailed(INTERRUPTED)
        usd, most = images.worst_case(use, order), images.most_tokens(order)
        frame = desk.state.frames[site.frame]
        key = await desk.reserve_picture(frame, desk.role(site.role), site.key, usd, most)
        ordered = ImageOrdered(frame=site.frame, call_id=site.key, model=use.model, usd=usd, usage=most)
        await desk.append(ordered)
        await desk.show_status(
            f"{desk.role(site.role).title}: {use.model} draws, {use.seconds:.0f} s at most"
        )
        started = time.monotonic()
        try:
            drawn = await images.draw(use, order)
        except ModelError as error:
            lost, said = usd if error.paid else 0.0, desk.redact(str(error))
            await desk.settle(key, lost)
            if error.paid:
                failed = ModelFailed(
                    frame=site.frame, step=frame.step, model=use.model, error=said, usd=lost, usage=most,
                    priced=bool(lost),
                )  # fmt: skip
                await desk.append(failed)
            counts = f" {exact(round(lost, 4))} count for it." if lost else ""
            await desk.tell_once(f"A picture was not made: {sentence(said)}{counts}")
            raise ToolFailed(said) from error
        await desk.settle(key, drawn.usd or 0.0)
        made = await self._made(site, drawn, path, use, time.monotonic() - started)
        await desk.append(made)
        if drawn.usd is None:
            await desk.tell_once(f"{use.model} has no known price: its pictures count as $0.")
        return made

    async def _made(self, site: Site, drawn: Drawn, path: str, use: Service, seconds: float) -> ImageMade:
        form = PICTURES[drawn.shape.media_type]
        given, state = PurePosixPath(path), self._desk.state
        if FORMS.get(given.suffix[1:].lower(), "") != {"jpg": "jpeg"}.get(form, form):
            given = given.with_suffix(f".{form}")  # the server had its own mind
        name = first = safe_name(given.name, f"picture.{form}")
        for number in count(2):
            if name not in state.attached:  # a person's own file keeps its name
                break
            name = numbered(first, number)
        sha = await self._desk.keep(drawn.data)
        return ImageMade(
            frame=site.frame,
            call_id=site.key,
            path=str(given) if self._for_worktree(site) else name,
            picture=Attachment(name=name, sha256=sha, media_type=drawn.shape.media_type),
            width=drawn.shape.width,
            height=drawn.shape.height,
            model=use.model,
            usage=Usage(input=drawn.used.text + drawn.used.pictures, output=drawn.used.output),
            usd=drawn.usd or 0.0,
            priced=drawn.usd is not None,
            seconds=round(seconds, 3),
        )

    async def _look_at(self, site: Site, path: str) -> None:
        """A place that cannot be written to is found out before anything is paid for."""
        if self._for_worktree(site):
            if ".git" in PurePosixPath(path).parts:
                raise ToolFailed(f"{path[:200]!r} is git's own: save it elsewhere")
            await (await self._desk.space.model_hands()).read_file(path, 0)

    async def _place(self, site: Site, made: ImageMade, data: bytes) -> str:
        """Into the worktree or onto the shelf; returns the path."""
        if self._for_worktree(site):
            await self._write(made.path, data)
            return made.path
        place = await asyncio.to_thread(shelf.put, self._desk.host.repo, made.picture.name, data)
        return f".codebutler/{shelf.FOLDER}/{place.name}"

    async def _hand_over(self, site: Site, made: ImageMade, data: bytes) -> ToolResult:
        """To its place, and into the thread."""
        desk = self._desk
        try:
            where = await self._place(site, made, data)
        except (ToolFailed, RepoError) as error:
            kept = f"the picture was made, and this thread keeps it as {made.picture.name}"
            raise ToolFailed(f"{kept}; but it was not saved: {error}") from error
        about = f"`{where}`: {made.width}x{made.height}, {made.picture.media_type}, {len(data):,} bytes"
        shown = Outbound(text=about, role=site.role, files=[made.picture])
        await desk.post(shown, key=f"image:{site.key}")
        look = (Picture(made.picture.media_type, data),) if len(data) <= SHOWN else ()
        return ToolResult(f"Made {about}. The thread has it as {made.picture.name}.", pictures=look)

    def _for_worktree(self, site: Site) -> bool:
        state = self._desk.state
        return state.worktree is not None and not state.removed and not site.frame.startswith(f"{ARTIST}-pm-")

    # ----------------------------------------------------------------------------- files

    async def save(self, name: str, path: str) -> str:
        """Save it through the executor."""
        found = self._held(name)
        if found is None:
            raise ToolFailed(f"there is no attachment {name!r}. There are: {self._names()}")
        if self._desk.state.worktree is None:
            raise ToolFailed("there is no worktree to save into before the plan is approved")
        data = await self._bytes(found)
        if found.media_type == TEXT and self._desk.redact(text := data.decode(errors="replace")) != text:
            raise ToolFailed(f"{name} holds what looks like a secret, which has no place in a repo")
        await self._write(path, data)
        return f"Saved {found.name} as {path}: {found.media_type}, {len(data):,} bytes."

    async def _write(self, path: str, data: bytes) -> None:
        self._desk.space.touched()
        await (await self._desk.space.model_hands()).write_file(path, data)

    async def _source(self, name: str) -> Source:
        """A picture to go by: an attachment, one of the thread's own, or a file that the executor reads."""
        held = self._held(name)
        if held is not None:
            data = await self._bytes(held)
        else:
            read = await (await self._desk.space.model_hands()).read_file(name, FILE)
            if read is None:
                raise ToolFailed(f"there is no file and no attachment {name!r}. Attached: {self._names()}")
            data = read
        if len(data) >= (FILE if held is None else images.BYTES):
            raise ToolFailed(f"{name} is too large to be edited")
        found = picture(data)
        if found is None:
            raise ToolFailed(f"{name} is no whole PNG, JPEG, WebP or GIF")
        return Source(safe_name(name), data, found.media_type)

    def _held(self, name: str) -> Attachment | None:
        state = self._desk.state
        made = (
            each.picture for each in reversed(state.made.values()) if name in {each.path, each.picture.name}
        )
        return state.attached.get(name) or next(made, None)

    def _names(self) -> str:
        state = self._desk.state
        names = [*state.attached, *(each.picture.name for each in state.made.values())]
        return ", ".join(dict.fromkeys(names)) or "none"

    async def _bytes(self, file: Attachment) -> bytes:
        data = await self._desk.host.store.get_blob(file.sha256)
        if data is None:
            raise ToolFailed(f"{file.name} is no longer kept: ask the person to send it again")
        return data

    def _service(self) -> Service:
        try:
            return media.service(self._desk.config, "images")
        except ConfigError as error:
            raise ToolFailed(str(error)) from error


def _frame_of(site: Site) -> str:
    """The run that a call of ``draw`` sets off: the same again after a crash, and it tells who asked."""
    return f"{ARTIST}-{site.frame}-{hashlib.sha256(site.key.encode()).hexdigest()[:8]}"


def _form(path: str) -> str:
    form = FORMS.get(PurePosixPath(path).suffix[1:].lower())
    if form is None:
        raise ToolFailed(f"{path[:200]!r} must end in .png, .jpg or .webp")
    return form
