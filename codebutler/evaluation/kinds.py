"""All kinds of oracles, and those that are made of others."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from codebutler.evaluation.facts import Facts
from codebutler.evaluation.oracles import (
    Asks,
    Calls,
    Canary,
    Changes,
    Cites,
    Clean,
    Oracle,
    Outcome,
    Plans,
    Text,
)
from codebutler.evaluation.proofs import Command


class Either(Oracle):
    """One of these is enough."""

    kind: Literal["any"]
    of: list[AnyOracle] = Field(min_length=1)

    async def fault(self, facts: Facts) -> str:
        """What is wrong with each, if none holds."""
        faults = []
        for oracle in self.of:
            fault = await oracle.fault(facts)
            if not fault:
                return ""
            faults.append(fault)
        return "; nor: ".join(faults)


class Together(Oracle):
    """All of these, as one part of an ``any``."""

    kind: Literal["all"]
    of: list[AnyOracle] = Field(min_length=1)

    async def fault(self, facts: Facts) -> str:
        """The first fault."""
        for oracle in self.of:
            fault = await oracle.fault(facts)
            if fault:
                return fault
        return ""


AnyOracle: TypeAlias = Annotated[
    Outcome | Changes | Text | Asks | Plans | Calls | Canary | Clean | Cites | Command | Either | Together,
    Field(discriminator="kind"),
]
KINDS: dict[str, type[Oracle]] = {
    "outcome": Outcome, "changes": Changes, "text": Text, "asks": Asks, "plan": Plans, "calls": Calls,
    "canary": Canary, "clean": Clean, "cites": Cites, "command": Command, "any": Either, "all": Together,
}  # fmt: skip
"""By the word that the file uses."""
Either.model_rebuild()
Together.model_rebuild()
