"""Which words of an approving review somebody has to read before the merge."""

from __future__ import annotations

import pytest

from codebutler.surfaces.github.praise import praises


@pytest.mark.parametrize(
    "text",
    [
        "",
        "LGTM",
        "LGTM!!! 🚀",
        "Looks good to me, nice work!",
        ":+1:",
        "That\u2019s great, thanks",
        "Approved. Ship it!",
        "👍🏽",
    ],
)
def test_praise_is_no_objection(text: str) -> None:
    assert praises(text)


@pytest.mark.parametrize(
    "text",
    [
        "Approving, but please don't merge before Monday.",
        "Code is fine. Hold off on merging until the migration has run, though.",
        "LGTM, but please do not merge until the release is cut.",
        "LGTM, not now", "lgtm once CI is green", "Fix the test and merge", "LGTM, merge on 3.12.",
        "nit: typo", "LGTM 🛑", "👍👎", "Nice work! LGTM?", "✋",
        "Sieht gut aus, aber erst morgen", "espera",
    ],
)  # fmt: skip
def test_whatever_says_more_is_to_be_read(text: str) -> None:
    assert not praises(text)
