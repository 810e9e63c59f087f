"""The shapes of well-known secrets, each with marks: texts of which it holds at least one.

Marks are ASCII that JSON does not escape, so that they are found in a JSON text as well. No shape may make a
search quadratic: it starts at a boundary, or what it scans ends at its own beginning.
"""

from __future__ import annotations

import re
from typing import TypeAlias

Shape: TypeAlias = tuple[tuple[str, ...], str]
"""(marks, regular expression). A named group is kept, and what follows it goes."""

_BOUNDARY = (
    r"(?:(?<![A-Za-z0-9].)|(?<=[0-9;\[]m.)|(?<=\\[nrt].)|(?<=\\u[0-9a-fA-F]{4}.)|(?<=%[0-9A-Fa-f]{2}.))"
)
"""A token begins after no letter or digit, but for those of a terminal's, JSON's or a URL's escape.

It stands behind the token's first character: a search for a known character runs many times faster.
"""


def token(shape: str) -> str:
    """The expression for a token of this shape, which starts with one character or class."""
    first = re.match(r"\[[^\]]+\]|\\.|.", shape)
    length = first.end() if first is not None else 0
    return shape[:length] + _BOUNDARY + shape[length:]


TOKENS: tuple[Shape, ...] = (
    (("sk-",), r"sk-(?:proj|svcacct|admin|or|ant)-[\w-]{12,}"),
    (("sk-",), r"sk-[A-Za-z0-9]{20,}"),
    (("sk-",), r"sk-(?<![\w-]sk-)(?=[\w-]*\d)[a-z]+-[\w-]{20,}"),
    (("k_live_", "k_test_"), r"[sr]k_(?:live|test)_[A-Za-z0-9]{16,}"),
    (("whsec_",), r"whsec_[A-Za-z0-9+/]{24,}"),
    (tuple(f"xox{kind}-" for kind in "abeprs"), r"xox[abeprs]-[A-Za-z0-9-]{10,}"),
    (("xapp-",), r"xapp-\d-[A-Za-z0-9-]{10,}"),
    (("hooks.slack.com/",), r"hooks\.slack\.com/(?:services|workflows)/[\w/]{16,}"),
    (("/api/webhooks/",), r"discord(?:app)?\.com/api/webhooks/\d{10,}/[\w-]{20,}"),
    (("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), r"gh[pousr]_[A-Za-z0-9]{20,}"),
    (("github_pat_",), r"github_pat_\w{20,}"),
    (
        ("glpat-", "glptt-", "gldt-", "glrt-", "glft-", "glsoat-", "glcbt-", "glagent-"),
        r"gl(?:pat|ptt|dt|rt|ft|soat|cbt|agent)-[\w-]{20,}",
    ),
    (("AKIA", "ASIA"), r"A(?:KIA|SIA)[0-9A-Z]{16}(?![0-9A-Za-z])"),
    (("AIza",), r"AIza[\w-]{35}"),
    (("ya29.",), r"ya29\.[\w-]{20,}"),
    (("1//0",), r"1//0[\w-]{24,}"),
    (("GOCSPX-",), r"GOCSPX-[\w-]{20,}"),
    (("lin_",), r"lin_(?:api|oauth|wh)_[A-Za-z0-9]{20,}"),
    (("hf_",), r"hf_[A-Za-z0-9]{30,}"),
    (("npm_",), r"npm_[A-Za-z0-9]{36}"),
    (("pypi-",), r"pypi-[\w-]{50,}"),
    (("dckr_",), r"dckr_(?:pat|oat)_[\w-]{20,}"),
    (("tvly-",), r"tvly-[\w-]{20,}"),
    (("gsk_",), r"gsk_[A-Za-z0-9]{40,}"),
    (("xai-",), r"xai-[A-Za-z0-9]{60,}"),
    (("pplx-",), r"pplx-[A-Za-z0-9]{40,}"),
    (("hvs.", "hvb."), r"hv[sb]\.[\w-]{20,}"),
    (("dop_v1_", "doo_v1_", "dor_v1_"), r"do[opr]_v1_[a-f0-9]{40,}"),
    (("SG.",), r"SG\.[\w-]{16,}\.[\w-]{16,}"),
    (("ATATT3", "ATCTT3"), r"AT[AC]TT3[\w=-]{20,}"),
    (("sntrys_", "sntryu_"), r"sntry[su]_[\w=+/-]{20,}"),
    (("sbp_",), r"sbp_[a-f0-9]{40}"),
    (("AGE-SECRET-KEY-",), r"AGE-SECRET-KEY-1[0-9A-Z]{50,}"),
    ((":AA",), r"\d\d{7,9}:AA[\w-]{32,}"),
    (("eyJ",), r"eyJ(?<![\w-]eyJ)[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}"),
    ((), r"[MNO][\w-]{23,27}\.[\w-]{6}\.[\w-]{27,}"),
)
"""Tokens by their own form."""

_IS = r"(?:\\*[\"'])?[ \t]*[:=][ \t]*(?:\\*[\"'])?"
"""Between a name and its value, also inside JSON that is inside JSON."""

_DIGIT = r"(?=[\w.~+/=-]*\d)[\w.~+/=-]{12,}"
"""A word with a digit in it."""

SHAPES: tuple[Shape, ...] = (
    (
        ("-----BEGIN ",),
        r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----(?s:.*?)(?:-----END [A-Z0-9 ]+-----|\Z)",
    ),
    (
        ("uthorization", "UTHORIZATION"),
        rf"(?P<header>(?i:authorization){_IS}(?i:basic|bearer|token)[ \t]+)[^\s\"',\\]{{6,}}",
    ),
    (
        ("-key", "-Key", "-KEY", "-token", "-Token", "-TOKEN"),
        rf"(?P<named>(?i:x-api-key|api-key|private-token|x-auth-token){_IS}){_DIGIT}",
    ),
    (
        ("aws_secret_access_key", "AWS_SECRET_ACCESS_KEY"),
        rf"(?P<aws>(?i:aws_secret_access_key){_IS})[\w/+=]{{16,}}",
    ),
    (("AccountKey=",), r"(?P<azure>AccountKey=)[\w/+=]{40,}"),
    (("earer",), r"(?P<bearer>[Bb]earer[ \t]+)(?=[^\s\"']*\d)[\w.~+/=-]{16,}"),
    (
        ("token=", "key=", "secret=", "password="),
        r"(?P<query>[?&](?:access_token|private_token|token|api_?key|client_secret|password)=)[^\s&\"'<>\\]{8,}",
    ),
    (
        ("assword=", "asswd=", "assword: ", "asswd: "),
        rf"(?P<plainly>(?<![\w-])(?i:password|passwd)(?:=|: )){_DIGIT}(?![\w(\[])",
    ),
    (("://",), r"(?P<scheme>://)[^\s/:@\"'<>]*:[^\s/@\"'<>]+@"),
    (("://",), r"(?P<scheme_user>://)(?=[A-Za-z_-]*\d)[\w-]{20,}@"),
)
"""Secrets by what stands around them."""
