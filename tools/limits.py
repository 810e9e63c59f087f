"""Every cap of every tool, and the one way to cut text: keep head and tail, say what is missing.

Sizes are bytes of UTF-8, times are seconds.
"""

from __future__ import annotations

LINE_IN = 32 * 1024 * 1024
"""Longest request line. A file that ``write`` gets travels in one."""
REPLY_TEXT, FAULT_BYTES = 49_000, 4000
"""Longest answer of any tool, and of one that says why it failed."""
CALLS_IN_FLIGHT = 64

READ_LINES, READ_BYTES, READ_LINE_CHARS = 2000, 48_000, 2000
READ_WHOLE, READ_HUGE = 4 * 1024 * 1024, 512 * 1024 * 1024
LIST_ENTRIES = 300
IMAGE_BYTES, IMAGE_HEAD, IMAGE_SIDE = 1536 * 1024, 512 * 1024, 8000
"""A picture travels to the daemon, and later to a model, in base64. Its longest side is in pixels."""
NOTEBOOK_BYTES, CELL_OUTPUTS, CELL_LINES, CELL_BYTES = 24 * 1024 * 1024, 10, 20, 2000
PDF_BYTES, PDF_MEMORY, PDF_SECONDS, PDF_PAGES = 64 * 1024 * 1024, 768 * 1024 * 1024, 8, 20
EDIT_FILE = 32 * 1024 * 1024
PATCH, PATCH_FILES = 64 * 1024 * 1024, 200
DIFF_LINES, DIFF_CHARS, DIFF_SHOWN = 60, 300, 12_000
DIFF_OF_WRITE, DIFF_COMPARED = 20, 1000
"""Lines of a diff that goes back to the model that wrote all of the file, and lines that are compared."""

BASH_LINES, BASH_BYTES = 600, 24_000
BASH_TIMEOUT, BASH_TIMEOUT_MAX = 120, 600
SPILL_BYTES = 8 * 1024 * 1024
JOBS, JOBS_KNOWN, JOB_FIRST = 8, 32, 0.3
WATCH_BYTES, WATCH_FIRST, WATCH_SECONDS = 2048, 0.3, 0.5
"""What a person may follow of a running command: its latest bytes, every so often."""

SEARCH_LINES, SEARCH_BYTES, SEARCH_LINE_CHARS = 250, 20_000, 300
SEARCH_FILES, SEARCH_TIMEOUT, SEARCH_CONTEXT = 200, 60, 20
SEARCH_RAW, NAMES_RAW = 4 * 1024 * 1024, 64 * 1024 * 1024
"""Where a search is stopped: matching lines, and lists of file names."""

GIT_TIMEOUT = 300
GONE_TRIES = 200
SCRATCH_COPY = 512 * 1024 * 1024
DIFF_BYTES = 200_000
PACK_CHUNK = 1024 * 1024
PACK_INLINE = 256 * 1024
PACK_BYTES = 1024 * 1024 * 1024
FILE_BYTES = 8 * 1024 * 1024


def cut_line(line: str, chars: int) -> str:
    """``line`` itself, or its first ``chars`` characters and how many more there were."""
    return line if len(line) <= chars else f"{line[:chars]}… [+{len(line) - chars} characters]"


def first_part(text: str, lines: int, size: int) -> str:
    """The longest run of whole lines from the start within both limits; a giant first line is cut."""
    parts = text.split("\n", lines)
    kept = text[: -len(parts[-1]) or None] if len(parts) > lines else text
    raw = kept.encode("utf-8", "replace")
    if len(raw) <= size:
        return kept
    cut = raw[:size]
    newline = cut.rfind(b"\n")
    return cut[: newline + 1 if newline >= size // 2 else size].decode("utf-8", "ignore")


def last_part(text: str, lines: int, size: int) -> str:
    """The longest run of whole lines at the end within both limits; a giant last line is cut."""
    parts = text.rsplit("\n", lines + text.endswith("\n"))
    kept = "\n".join(parts[1:]) if len(parts) > lines + text.endswith("\n") else text
    raw = kept.encode("utf-8", "replace")
    if len(raw) <= size:
        return kept
    cut = raw[-size:]
    newline = cut.find(b"\n")
    return cut[newline + 1 if 0 <= newline < size // 2 else 0 :].decode("utf-8", "ignore")


def clip(text: str, lines: int, size: int, hint: str = "") -> str:
    """``text`` within both limits: head, a line that says what was cut, tail."""
    all_lines, all_bytes = text.count("\n"), len(text.encode("utf-8", "replace"))
    if all_lines <= lines and all_bytes <= size:
        return text
    return join_cut(text, text, (all_lines, all_bytes), (lines, size), hint)


def join_cut(head: str, tail: str, whole: tuple[int, int], within: tuple[int, int], hint: str) -> str:
    """Head and tail of a text of which only the two ends are at hand; both pairs are (lines, bytes)."""
    (all_lines, all_bytes), (lines, size) = whole, within
    top = first_part(head, lines // 2, size // 2)
    end = last_part(tail, lines - lines // 2, size // 2)
    shown = len(top.encode("utf-8", "replace")) + len(end.encode("utf-8", "replace"))
    cut_lines = max(0, all_lines - top.count("\n") - end.count("\n"))
    what = f"{cut_lines} lines, {all_bytes - shown} bytes cut{'; ' + hint if hint else ''}"
    return f"{top}{'' if top.endswith(chr(10)) else chr(10)}[… {what} …]\n{end}"


class Collector:
    """Takes a stream of any length and keeps its two ends, in bounded memory."""

    def __init__(self, keep: int) -> None:
        """``keep`` bytes are held of each end."""
        self.keep = keep
        self.head = bytearray()
        self.tail = bytearray()
        self.size = 0
        self.lines = 0

    def add(self, data: bytes) -> None:
        """Take the next piece of the stream."""
        self.size += len(data)
        self.lines += data.count(b"\n")
        room = self.keep - len(self.head)
        if room > 0:
            self.head += data[:room]
            data = data[room:]
        self.tail += data
        if len(self.tail) > 4 * self.keep:
            del self.tail[: -self.keep]

    def text(self, lines: int, size: int, hint: str = "") -> str:
        """What was collected, within both limits."""
        if self.size <= len(self.head) + len(self.tail):
            return clip((self.head + self.tail).decode("utf-8", "replace"), lines, size, hint)
        head, tail = self.head.decode("utf-8", "replace"), self.tail.decode("utf-8", "replace")
        return join_cut(head, tail, (self.lines, self.size), (lines, size), hint)


def name(raw: bytes) -> str:
    """A file's name as part of one line: with a line end in it, whoever chose it could forge lines."""
    text = raw.decode("utf-8", "replace")
    return text if text.isprintable() else "".join(_plain(char) for char in text)


def _plain(char: str) -> str:
    return char.encode("unicode_escape").decode() if ord(char) < 32 or ord(char) == 127 else char
