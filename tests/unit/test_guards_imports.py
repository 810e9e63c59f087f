"""Who may import whom: rooms of the daemon, the sandboxed program, and what a start may not load."""

from __future__ import annotations

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = (  # a room may import from its own line or an earlier one; anything not named is vocabulary
    {"vocabulary"},
    {"store"},
    {"models", "forges", "repo", "sandbox", "setup", "web"},
    {"servers"},
    {"toolset"},
    {"agent"},
    {"thread"},
    {"commands"},
    {"surfaces"},
    {"service"},
    {"bench"},
    {"evaluation"},
    {"cli"},
)
LINE = {room: line for line, rooms in enumerate(ROOMS) for room in rooms}
HEAVY = {
    "openai",
    "litellm",
    "mcp",
    "trafilatura",
    "discord",
    "slack_bolt",
    "rich",
    "prompt_toolkit",
    "aiohttp",
    "ddgs",
    "tiktoken",
}
HEAVY |= {"sqlite_utils", "markdown_it", "hypothesis", "pytest"}


def imports(source: str) -> set[str]:
    """Dotted names of every import, wherever it stands: ``from a import b`` gives ``a.b``."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {"." * node.level + f"{node.module or ''}.{alias.name}" for alias in node.names}
    return found


def room(dotted: str) -> str:
    """The room of ``codebutler.store.schema`` is ``store``; of ``codebutler.events``, ``vocabulary``."""
    name = dotted.partition(".")[2].partition(".")[0]
    return name if name in LINE or name == "testing" else "vocabulary"


def crossings(tracked: dict[Path, str]) -> dict[str, set[str]]:
    """For each daemon module, the rooms other than its own that it imports from."""
    found = {}
    for path, text in tracked.items():
        if path.suffix == ".py" and path.parts[0] == "codebutler":
            own = room(".".join(path.with_suffix("").parts))
            found[str(path)] = {room(x) for x in imports(text) if x.split(".")[0] == "codebutler"} - {own}
    return found


def climbs(own: str, other: str) -> bool:
    """Whether an import from room ``own`` to ``other`` goes upwards."""
    if own == "testing":
        return other != "vocabulary"
    if other == "testing":  # the demo, the model server, benchmark and evals: commands a person types
        return own not in {"cli", "bench", "evaluation"}
    return LINE[other] > LINE[own]


def test_lower_rooms_never_import_higher_ones(tracked: dict[Path, str]) -> None:
    wrong = {
        path: bad
        for path, others in crossings(tracked).items()
        if (bad := {x for x in others if climbs(room(path.removesuffix(".py").replace("/", ".")), x)})
    }
    assert wrong == {}


def test_rooms_have_no_cycle(tracked: dict[Path, str]) -> None:
    graph: dict[str, set[str]] = {}
    for path, others in crossings(tracked).items():
        graph.setdefault(room(path.removesuffix(".py").replace("/", ".")), set()).update(others)
    order = list(TopologicalSorter(graph).static_order())
    assert order[0] == "vocabulary"


def test_a_climb_would_be_found() -> None:
    source = "def f():\n    from codebutler.cli import main\n"
    tree = {Path("codebutler/store/a.py"): source, Path("codebutler/events.py"): "import codebutler.store.a"}
    assert crossings(tree) == {"codebutler/store/a.py": {"cli"}, "codebutler/events.py": {"store"}}
    assert climbs("store", "cli")
    assert climbs("vocabulary", "store")
    assert climbs("testing", "models")
    assert climbs("agent", "testing")
    assert not climbs("cli", "testing")
    assert not climbs("agent", "toolset")


def test_nobody_imports_the_sandboxed_program_or_mocks(tracked: dict[Path, str]) -> None:
    banned = {"tools", "mock"}
    wrong = {
        str(path): bad
        for path, text in tracked.items()
        if path.suffix == ".py" and path.parts[0] in {"codebutler", "tests"}
        if (bad := {x for x in imports(text) if x.split(".")[0] in banned or x.startswith("unittest.mock")})
    }
    assert wrong == {}


def test_the_daemon_leaves_its_umask_alone(tracked: dict[Path, str]) -> None:
    """It is the whole process's: set for a moment, it closes what other threads make meanwhile."""
    programs = {"codebutler/sandbox/asroot.py", "codebutler/sandbox/landlock.py"}  # of their own, one thread
    daemon = {str(p) for p, text in tracked.items() if p.parts[0] == "codebutler" and "os.umask(" in text}
    assert daemon == programs


def test_imports_are_absolute(tracked: dict[Path, str]) -> None:
    found = {
        str(p): {x for x in imports(t) if x.startswith(".")} for p, t in tracked.items() if p.suffix == ".py"
    }
    assert {p: bad for p, bad in found.items() if bad} == {}


def test_the_sandboxed_program_needs_only_the_standard_library(tracked: dict[Path, str]) -> None:
    sources = {p: t for p, t in tracked.items() if p.suffix == ".py" and p.parts[0] == "tools"}
    allowed = sys.stdlib_module_names | {p.stem for p in sources}
    found = {str(p): {x for x in imports(t) if x.split(".")[0] not in allowed} for p, t in sources.items()}
    assert sources
    assert {p: bad for p, bad in found.items() if bad} == {}


def test_the_sandboxed_program_starts_lean() -> None:
    """Each thread has one of its own: what these load would be a seventh of its memory."""
    code = "import sys; sys.path.insert(0, 'tools'); import server; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    loaded = set(done.stdout.split())
    assert "searching" in loaded
    assert (
        loaded & {"dataclasses", "inspect", "shutil", "socket", "difflib", "subprocess", "tempfile"} == set()
    )


def test_no_module_of_the_sandboxed_program_hides_the_standard_library(tracked: dict[Path, str]) -> None:
    names = {p.stem for p in tracked if p.parts[0] == "tools" and p.suffix == ".py"} - {"__main__"}
    assert names & sys.stdlib_module_names == set()


@pytest.mark.parametrize(
    "module", ["codebutler", "codebutler.cli.main", "codebutler.events", "codebutler.config"]
)
def test_a_start_loads_nothing_heavy(module: str) -> None:
    """Cold start is a feature: heavy packages are imported where they are used."""
    code = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) & HEAVY == set()
