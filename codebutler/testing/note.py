"""The smallest whole thread as a scenario, in pieces that tests put together: one file is added.

``PM`` proposes it, ``CODER`` writes it, ``LEAD`` proposes two memory items; ``WHOLE`` is all of them.
In ``PLAIN`` nothing is to be remembered; ``plain`` makes such a one with other steps of the Coder.
"""

from __future__ import annotations

PROPOSE = """
calls = [{ name = "propose_plan", arguments = { title = "Add a note", summary = "One line.", \
steps = [{ text = "Write it" }], files = ["NOTE"] } }]
"""
PM = f"""
[[scripts]]
role = "pm"
[[scripts.steps]]
{PROPOSE}"""
CODER = """
[[scripts]]
role = "coder"
[[scripts.steps]]
calls = [{ name = "write", arguments = { path = "NOTE", content = "noted\\n" } }]
[[scripts.steps]]
text = "Wrote NOTE."
"""
LEAD = """
[[scripts]]
role = "lead"
[[scripts.steps]]
calls = [
  { name = "write_summary", arguments = { title = "Add a note", summary = "A note.", changes = ["NOTE"] } },
  { name = "propose_memory", arguments = { items = [
    { file = "pm.md", text = "Notes live in NOTE" }, { file = "pm.md", text = "Be brief" },
  ] } },
]
[[scripts.steps]]
text = "Two things to remember."
"""
WHOLE = f"{PM}{CODER}{LEAD}"


def plain(coder: str) -> str:
    """The PM plans "Write NOTE", the Coder takes the ``coder`` steps, the Lead has nothing to remember."""
    return f"""
[[scripts]]
role = "pm"
[[scripts.steps]]
calls = [{{ name = "propose_plan", arguments = {{ title = "Add a note", summary = "One line.", \
steps = [{{ text = "Write NOTE" }}], files = ["NOTE"] }} }}]

[[scripts]]
role = "coder"
{coder}
[[scripts]]
role = "lead"
[[scripts.steps]]
calls = [{{ name = "write_summary", \
arguments = {{ title = "Add a note", summary = "A note.", changes = ["NOTE"] }} }}]
[[scripts.steps]]
text = "Nothing to remember."
"""


PLAIN = plain("""
[[scripts.steps]]
expect = ["Add a note"]
calls = [{ name = "write", arguments = { path = "NOTE", content = "noted\\n" } }]
[[scripts.steps]]
text = "Wrote NOTE."
""")
