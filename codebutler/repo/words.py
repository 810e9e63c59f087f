"""Text from people and models, made fit for paths, refs and commit messages."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable

from codebutler.types import Person

_LONGEST = 40


def slug(text: str) -> str:
    """``text`` as [a-z0-9-], at most 40 long, never empty, never with a dash at an end."""
    plain = unicodedata.normalize("NFKD", text.casefold()).encode("ascii", "ignore").decode()
    short = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:_LONGEST].rstrip("-")
    return short or "x" + hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:8]


def commit_message(title: str, body: str = "", co_authors: Iterable[str] = ()) -> str:
    """A commit message: one title line, a body, a trailer for each distinct co-author ("Name <mail>")."""
    first = " ".join(_clean(title).split()) or "Changes"
    trailers = "\n".join(
        dict.fromkeys(f"Co-authored-by: {' '.join(_clean(who).split())}" for who in co_authors)
    )
    return "\n\n".join(part for part in (first, _clean(body).strip(), trailers) if part) + "\n"


def signature(person: Person) -> str:
    """The person in a co-author trailer: doors know names and ids, seldom a mail address."""
    who = person.login or person.id
    clean = "".join(char for char in who if char.isalnum() or char in "._+-") or "someone"
    name = " ".join(person.label.replace("<", " ").replace(">", " ").split())
    at_github = person.login or person.surface == "github"
    host = "users.noreply.github.com" if at_github else f"{person.surface}.invalid"
    return f"{name} <{person.mail or f'{clean}@{host}'}>"


def _clean(text: str) -> str:
    """Text without what git refuses or a terminal would obey."""
    return "".join(char for char in text if char in "\n\t" or unicodedata.category(char) not in ("Cc", "Cs"))
