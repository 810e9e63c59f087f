"""The sandboxed executor as the daemon sees it.

settings: what may be set. builds: heavy commands that wait for each other. configured: what the host's
configuration says. worktree: where git's parts of a folder are. border, seccomp: the border's text. egress,
request, addresses: the way out. host: what this machine has. launch, asroot, scope: how it is started.
seatbelt: the border's text for macOS. client: the protocol. replies: its answers as values. executor: the
class everybody uses. problems, probe: what to tell a person.
"""
