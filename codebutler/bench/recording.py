"""The benchmark's scripted model, run as it is, while what its clients send is kept for the bill (bills.py).

It stands in the model's place (turns.py puts it there) and speaks our edit tool, whose arguments the model
does not know. Nothing is worked out before the run is over: that would be counted as the client's time.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from codebutler.types import Json

MODEL = "CODEBUTLER_BENCH_MODEL"
"""The variable that names the file of the scripted model."""
SENT = ".sent"
"""What the kept figures of a run are called, in place of its log's ending."""
_LOOK_BACK = 4
"""Earlier requests that a provider's cache may know: titles and summaries come in between."""


def main() -> None:
    """Serve until told to end, then write what ``sent`` tells of the requests."""
    module = _load(Path(os.environ[MODEL]))
    bodies: list[bytes] = []
    module.Model = _recording(module.Model, bodies)
    module.Mapper = _fluent(module.Mapper)
    module.main()
    log = Path(sys.argv[sys.argv.index("--log") + 1])
    log.with_suffix(SENT).write_text(json.dumps(sent(bodies)), encoding="utf-8")


def sent(bodies: Sequence[bytes]) -> list[tuple[int, int]]:
    """(bytes, of these the longest beginning that one of the last requests had too) of each request."""
    prompts = [prompt(json.loads(body)) for body in bodies]
    return [
        (len(each), max((shared(each, before) for before in prompts[max(0, n - _LOOK_BACK) : n]), default=0))
        for n, each in enumerate(prompts)
    ]


def prompt(body: Json) -> bytes:
    """What a provider reads of a request, as it keeps it: tools, system prompt, messages."""
    parts = [body.get("tools"), body.get("system", body.get("instructions")), *_items(body)]
    written = (json.dumps(each, ensure_ascii=False, separators=(",", ":")) for each in parts if each)
    return "\n".join(written).encode("utf-8", "replace")


def _items(body: Json) -> list[Any]:
    items = body.get("messages", body.get("input")) or []
    return items if isinstance(items, list) else [items]


def shared(one: bytes, other: bytes) -> int:
    """How many bytes both begin with."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _load(file: Path) -> Any:  # noqa: ANN401 - a module that is not ours
    sys.path.insert(0, str(file.parent))
    spec = importlib.util.spec_from_file_location("scripted_model_of_the_benchmark", file)
    if spec is None or spec.loader is None:
        raise SystemExit(f"{file} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _recording(model: Any, bodies: list[bytes]) -> Any:  # noqa: ANN401 - a class that is not ours
    class Recording(model):  # type: ignore[misc] # known only once it runs
        async def handle(self, request: Any, api: str) -> Any:  # noqa: ANN401 - aiohttp's, and the class's own
            answer = await super().handle(request, api)
            bodies.append(await request.read())  # read already: it is only handed out again
            return answer

    return Recording


def _fluent(mapper: Any) -> Any:  # noqa: ANN401 - a class that is not ours
    class Fluent(mapper):  # type: ignore[misc] # known only once it runs
        def call(self, step: tuple[str, Json]) -> Any:  # noqa: ANN401 - the class's own
            kind, name, arguments = super().call(step)
            if step[0] == "edit" and isinstance(arguments, dict) and arguments.get("edits") == [{}]:
                arguments["edits"] = [{"old": step[1]["old"], "new": step[1]["new"]}]
            return kind, name, arguments

    return Fluent
