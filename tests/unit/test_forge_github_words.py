"""What of the GitHub forge needs no GitHub: whose a remote is, and whose files."""

from __future__ import annotations

import pytest

from codebutler.forges.github.owners import owners_of
from codebutler.forges.github.spot import spot_of
from codebutler.settings.github import GitHub


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("*", "a/b.py", True),
        ("*.js", "deep/down/x.js", True),
        ("/docs/", "docs/a/b.md", True),
        ("/docs/", "x/docs/a.md", False),
        ("docs/*", "docs/a.md", True),
        ("docs/*", "docs/deep/a.md", False),
        ("apps/", "x/apps/y.py", True),
        ("**/logs", "deep/logs/a.txt", True),
        ("/a.txt", "b/a.txt", False),
        ("a.txt", "b/a.txt", True),
    ],
)
def test_code_owners_patterns(pattern: str, path: str, fits: bool) -> None:
    assert owners_of(f"# all\n{pattern} @ann @acme/core # why\n", [path]) == (
        (["ann"], ["core"]) if fits else ([], [])
    )


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://github.com/acme/shop.git", "acme/shop"),
        ("https://github.com/acme/shop", "acme/shop"),
        ("git@github.com:acme/shop.git", "acme/shop"),
        ("ssh://git@ssh.github.com:443/acme/shop.git", "acme/shop"),
        ("https://user:secret@ghe.example.org/acme/shop.git", "acme/shop"),
        ("https://gitlab.com/acme/shop.git", None),
        ("https://github.com.evil.example/acme/shop.git", None),
        ("https://github.com/acme", None),
        ("/srv/github.com/acme/shop.git", None),
    ],
)
def test_remotes_that_are_githubs(url: str, name: str | None) -> None:
    for settings in (GitHub(), GitHub.model_validate({"baseUrl": "https://ghe.example.org/api/v3"})):
        found = spot_of(url, settings)
        here = ("ghe." in url) == ("ghe." in settings.base_url)
        assert (found.full_name if found else None) == (name if here else None)
        assert found is None or "secret" not in found.git_url
