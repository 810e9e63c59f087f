"""The models that a role may use by a short name, and the cheapest of them that a cap leaves room for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from codebutler.agent.roles import Role
from codebutler.config import Config
from codebutler.errors import ConfigError
from codebutler.models.routing import Router


def pool(roles: Mapping[str, Role], config: Config, role: str) -> dict[str, str]:
    """Model ids by name: the role's own, and those of the PM's, which everybody may use."""
    pm = {**(roles["pm"].pool if "pm" in roles else {}), **config.models.pm.pool}
    return pm if role == "pm" else {**pm, **roles[role].pool}


def cheaper(
    models: Iterable[str], router: Router, *, than: str, tokens: int, output: int, room: float
) -> str:
    """The one of ``models`` whose call costs least, if it fits ``room`` dollars and is cheaper; else ""."""
    found = {}
    for name in models:
        try:
            route = router.route(name, telling=False)
        except ConfigError:
            continue
        if router.price(route.id) is not None:
            found[route.id] = router.worst_case(route.id, tokens, output)
    best = min(found, key=lambda name: (found[name], name), default="")
    fits = best and found[best] <= room and found[best] < router.worst_case(than, tokens, output)
    return best if fits else ""
