"""Where packages come from is asked of this host's tools; what they say of passwords stays outside."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from codebutler.setup.registries import FIX, Registry, merged, resolve

Tool = Callable[[str, str], None]
SECRET = "hunter2"


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tool:
    """Puts a program on an otherwise bare PATH, as a shell script."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")

    def make(name: str, script: str) -> None:
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)

    return make


def pip(config: str) -> str:
    """A python3 whose pip has this configuration, and the defaults of an index of our own."""
    defaults = json.dumps(["https://index.example.org/simple", "files.example.org"])
    return f"case \"$*\" in *config*) cat <<'E'\n{config}\nE\n;; *) echo '{defaults}';; esac"


async def test_pip_without_configuration_uses_what_it_has_built_in(tool: Tool) -> None:
    tool("python3", pip(""))
    found = await resolve("pypi")
    assert found.allow == ("index.example.org:443", "files.example.org:443")
    assert found.environment["PIP_INDEX_URL"] == "https://index.example.org/simple"
    assert (found.notes, found.problem) == ((), "")


async def test_pips_own_index_stands_in_without_its_password(tool: Tool) -> None:
    tool(
        "python3",
        pip(
            f"global.index-url='https://robin:{SECRET}@mirror.example.com:8443/simple'\n"
            f"global.extra-index-url='http://{SECRET}@more.example.com/x file:///srv/pip'\n"
            "global.cert='/etc/ssl/certs/own.pem'\nglobal.proxy='http://x'\nnonsense"
        ),
    )
    found = await resolve("pypi")
    assert found.allow == ("mirror.example.com:8443", "more.example.com:80")
    assert found.environment["PIP_INDEX_URL"] == "https://mirror.example.com:8443/simple"
    assert found.environment["PIP_EXTRA_INDEX_URL"] == "http://more.example.com/x"
    assert found.environment["PIP_CERT"] == "/etc/ssl/certs/own.pem"
    assert SECRET not in repr(found)
    assert any("user and password are left out" in note for note in found.notes)
    assert any("file address left out" in note for note in found.notes)


async def test_variables_win_over_files_in_pips_configuration(tool: Tool) -> None:
    tool(
        "python3",
        pip(
            "install.index-url='https://b.example.com'\n:env:.index-url='https://c.example.com'\n"
            "global.index-url='https://a.example.com'"
        ),
    )
    assert (await resolve("pypi")).allow == ("c.example.com:443",)


async def test_npm_names_its_registry_and_those_of_scopes(tool: Tool) -> None:
    said = {"registry": f"https://u:{SECRET}@npm.example.com/", "@own:registry": "https://own.example.com/"}
    tool("npm", f"pwd >&2; test \"$PWD\" = / && echo '{json.dumps(said)}'")
    found = await resolve("npm")
    assert found.allow == ("npm.example.com:443", "own.example.com:443")
    assert found.environment["npm_config_registry"] == "https://npm.example.com/"
    assert found.environment["npm_config_@own:registry"] == "https://own.example.com/"
    assert SECRET not in repr(found)


async def test_go_names_its_proxy_and_its_checksums(tool: Tool) -> None:
    said = {
        "GOPROXY": "https://proxy.example.com|https://two.example.com,direct",
        "GOSUMDB": "sum.example.com+key",
    }
    tool("go", f"echo '{json.dumps(said)}'")
    found = await resolve("go")
    assert found.allow == ("proxy.example.com:443", "two.example.com:443", "sum.example.com:443")
    assert found.environment["GOPROXY"] == "https://proxy.example.com,https://two.example.com"


async def test_cargo_is_known_by_the_indexes_that_it_has_used(home: Path) -> None:
    index = home / ".cargo/registry/index/index.example.org-0123456789abcdef"
    index.mkdir(parents=True)
    (index / "config.json").write_text('{"dl": "https://static.example.org/crates"}')
    found = await resolve("crates")
    assert found.allow == ("index.example.org:443", "static.example.org:443")


async def test_cargos_mirror_stands_in(home: Path) -> None:
    (home / ".cargo").mkdir()
    (home / ".cargo/config.toml").write_text(
        '[source.crates-io]\nreplace-with = "one"\n[source.one]\nreplace-with = "two"\n'
        f'[source.two]\nregistry = "sparse+https://u:{SECRET}@mirror.example.com/x/"\n'
    )
    found = await resolve("crates")
    assert found.allow == ("mirror.example.com:443",)
    assert 'registry = "sparse+https://mirror.example.com/x/"' in found.environment["CODEBUTLER_CARGO"]
    assert SECRET not in repr(found)


@pytest.mark.parametrize("preset", ["npm", "go", "crates"])
@pytest.mark.parametrize("script", ["exit 1", "echo no json", "echo '[]'", "echo '{}'"])
async def test_a_tool_that_says_nothing_leaves_it_to_the_person(preset: str, script: str, tool: Tool) -> None:
    for name in ("npm", "go", "cargo"):
        tool(name, script)
    found = await resolve(preset)  # type: ignore[arg-type] # one of the presets, by the list above
    assert found.allow == ()
    assert found.problem.startswith(f"{preset}: ")
    assert "setupAllow" in FIX


async def test_a_loop_of_replacements_ends(home: Path) -> None:
    (home / ".cargo").mkdir()
    (home / ".cargo/config").write_text(
        '[source.crates-io]\nreplace-with = "b"\n[source.b]\nreplace-with = "crates-io"\n'
    )
    assert (await resolve("crates")).problem


def test_several_presets_are_one() -> None:
    one = Registry(("a:1",), {"A": "1"}, ("n",))
    two = Registry(("b:1", "a:1"), {"B": "2"}, ("n",), "go: nothing.")
    assert merged([one, two]) == Registry(("a:1", "b:1"), {"A": "1", "B": "2"}, ("n",), "go: nothing.")
