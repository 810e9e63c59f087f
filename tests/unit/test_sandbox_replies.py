"""What the daemon takes of an executor's reply."""

from __future__ import annotations

import pytest

from codebutler.sandbox.replies import tool_result

LARGE = "+x\n" * 30_000


@pytest.mark.parametrize(
    ("details", "kept"),
    [
        ({"path": "a", "created": False, "diff": "+x"}, {"path": "a", "created": False, "diff": "+x"}),
        ({"path": "a", "created": False, "diff": LARGE}, {"path": "a"}),
        ({"paths": ["a", "b"], "diff": LARGE}, {"paths": ["a", "b"]}),
        ({"path": LARGE}, {}),
        (["path"], {}),
    ],
)
def test_what_was_written_stays_known_beside_a_large_diff(details: object, kept: dict[str, object]) -> None:
    reply = {"content": [], "isError": False, "_meta": {"codebutler": details}}
    assert tool_result(reply).details == kept
