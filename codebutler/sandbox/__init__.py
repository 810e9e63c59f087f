"""The sandboxed executor as the daemon sees it.

settings: what may be set. builds: heavy commands that wait for each other. configured: what the host's
configuration says. worktree: where git's parts of a folder are. inside: what is where in there. outfit: what
is added to it. border, seccomp: the border's text. egress, request: the way out. host: what this
machine has. launch, asroot, scope: how it is started. reduced, landlock, facade: the same without namespaces.
seatbelt: the border's text for macOS. client: the protocol. starting: a start, made anew
where that helps. guest: another program behind the same border. replies: its answers as values. executor: the
class everybody uses. problems, probe: what to tell a person.
"""
