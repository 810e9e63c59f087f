"""What a thread says of a reply's bill and model."""

from __future__ import annotations

from codebutler.thread.remarks import remarks
from codebutler.types import ModelReply


def test_only_what_is_odd_is_said_and_under_a_name_that_keeps_it_from_being_said_again() -> None:
    assert list(remarks(ModelReply("x", usd=0.1, model="m"), ())) == []
    odd = ModelReply("x", model="m", impossible=True)
    (unpriced, by_words), (figures, name), (route, _) = remarks(odd, ["n answers.", "later"])
    assert unpriced.startswith("No price is known for m")
    assert figures.startswith("m's provider states tokens or dollars that such a call cannot have")
    assert (by_words, name, route) == ("", "notice:figures:m", "n answers.")
