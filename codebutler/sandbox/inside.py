"""What a sandbox looks like from the inside: where things lie, made-up files, constant variables."""

from __future__ import annotations

from pathlib import Path

from codebutler.sandbox.outfit import IGNORE

HOME, STATE, TOOLS, RG = "/home/agent", "/codebutler/state", "/codebutler/tools", "/codebutler/bin/rg"
PDF = "/codebutler/pdf"
REPOSITORY = Path("/codebutler/git")
"""With scratch git: where the repository itself lies, read-only, while commands write to a copy."""
PROXY, _PROXY_URL = "/codebutler/proxy.sock", "http://127.0.0.1:3128"
UID = 1000
"""Who the sandbox is in its own eyes."""

ETC = (
    "alternatives", "ca-certificates", "ca-certificates.conf", "debian_version", "fonts", "ld.so.cache",
    "ld.so.conf", "ld.so.conf.d", "localtime", "magic", "mime.types", "nsswitch.conf", "os-release", "perl",
    "pki", "protocols", "python3", "services", "ssl/certs", "ssl/openssl.cnf", "terminfo", "timezone",
)  # fmt: skip
HIDDEN_PROC = ("kcore", "keys", "kallsyms", "sysrq-trigger", "timer_list", "sched_debug", "kmsg")
GITCONFIG = """[safe]
\tdirectory = *
[gc]
\tauto = 0
[init]
\tdefaultBranch = main
[user]
\tname = agent
\temail = agent@localhost
[advice]
\tdetachedHead = false
"""
DATA = {
    "/etc/passwd": f"""agent:x:{UID}:{UID}:agent:{HOME}:/bin/bash
nobody:x:65534:65534:nobody:/:/usr/sbin/nologin
""",
    "/etc/group": f"agent:x:{UID}:\nnogroup:x:65534:\n",
    "/etc/hosts": "127.0.0.1 localhost\n::1 localhost\n",
    "/etc/gitconfig": f"{GITCONFIG}[core]\n\texcludesFile = {IGNORE}\n",
}
GIT_FOLDERS = ("objects", "refs", "info", "logs", "reftable")
GIT_FILES = ("HEAD", "packed-refs", "shallow", "ORIG_HEAD")
CONSTANTS = {
    "HOME": HOME,
    "USER": "agent",
    "LOGNAME": "agent",
    "SHELL": "/bin/bash",
    "LANG": "C.UTF-8",
    "TERM": "dumb",
    "TMPDIR": "/tmp",  # noqa: S108 - the sandbox's own, private tmpfs
    "PAGER": "cat",
    "GIT_PAGER": "cat",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
}
OFFLINE = {"PIP_RETRIES": "0", "npm_config_fetch_retries": "0"}
"""There is no network: fail at once, not after many tries."""
ONLINE = {
    **{name: _PROXY_URL for each in ("http_proxy", "https_proxy") for name in (each, each.upper())},
    "no_proxy": "localhost,127.0.0.1,::1",
}
