"""``codebutler doctor``: what is wrong, and how to mend it."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
from pathlib import Path

from msgspec.structs import asdict

from codebutler.cli.config import values
from codebutler.config import known_secrets
from codebutler.redact import Redactor
from codebutler.service.doctor import Report, examine

HELP = "Check everything a user can get wrong, with the fix."
_SIGNS = {"ok": "ok  ", "note": "note", "problem": "BAD "}
_SHOWN = ("limits", "models", "sandbox", "forge")
"""Keys whose values and origins are listed."""


def configure(parser: argparse.ArgumentParser) -> None:
    """How to say it, and what to leave out."""
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--offline", action="store_true", help="ask no model server")
    parser.add_argument("--mcp", action="store_true", help="start the MCP servers, and ask what they offer")
    parser.add_argument("--repo", type=Path, default=Path(), metavar="DIR", help="the repo (default: here)")
    parser.add_argument("--home", type=Path, metavar="DIR", help="CODEBUTLER_HOME")


def run(args: argparse.Namespace) -> int:
    """Exit 0 when nothing is wrong, else 1."""
    home = args.home.resolve() if args.home else None
    looked = examine(args.repo, home=home, env=os.environ, offline=args.offline, mcp=args.mcp)
    report = asyncio.run(looked)
    text = _as_json(report) if args.json else _as_text(report)
    secrets = known_secrets(str(home or ""))
    print(Redactor([*secrets, *(report.config.secrets() if report.config else ())]).text(text))
    return 0 if report.ok else 1


def _settings(report: Report) -> list[tuple[str, object, str]]:
    if report.config is None:
        return []
    return [row for start in _SHOWN for row in values(report.config, start)]


def _as_json(report: Report) -> str:
    settings = [{"key": k, "value": v, "from": o} for k, v, o in _settings(report)]
    checks = [asdict(check) for check in report.checks]
    return json.dumps({"ok": report.ok, "checks": checks, "settings": settings}, ensure_ascii=False)


def _as_text(report: Report) -> str:
    lines = []
    for check in report.checks:
        lines.append(f"{_SIGNS[check.state]} {check.area}: {check.text}")
        if check.fix:
            lines.append(f"       fix: {check.fix}")
    rows = [row for row in _settings(report) if row[1] is not None]
    lines += ["", "Where values come from (codebutler config shows all):"] if rows else []
    lines += [f"  {key} = {json.dumps(value, ensure_ascii=False)}  ({origin})" for key, value, origin in rows]
    count = sum(check.state == "problem" for check in report.checks)
    lines += ["", "All is well." if not count else f"{count} problem{'s' if count > 1 else ''} to mend."]
    return "\n".join(lines)
