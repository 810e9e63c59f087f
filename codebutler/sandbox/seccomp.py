"""The system-call filter, assembled from its rules: what namespaces do not hold.

Every rule names why it is there. A refused call gets an error, so that programs fall back and say so.
The numbers of aarch64 come from the kernel's tables and were not run here.
"""

from __future__ import annotations

import errno
import platform
import struct
from collections.abc import Sequence
from functools import cache

from codebutler.errors import NoSandbox

# BPF: load absolute word, jumps with a constant, bits of what is loaded, return.
_LOAD, _JEQ, _JGE, _JSET, _AND, _RET = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_NR, _ARCH, _ARGS = 0, 4, 16
_X32 = 0x40000000

Instruction = tuple[int, int, int, int]

_ARCHES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

# name: (x86_64, aarch64); None where an architecture lacks the call.
_NUMBERS: dict[str, tuple[int | None, int | None]] = {
    # another process's memory and descriptors
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "process_madvise": (440, 440), "pidfd_getfd": (438, 438), "kcmp": (312, 272),
    # mounts and roots
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51),
    "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430), "fsconfig": (431, 431),
    "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442), "open_tree_attr": (467, 467),
    # namespaces
    "unshare": (272, 97), "setns": (308, 268),
    # kernel surface with a history, of no use to a build
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    "open_by_handle_at": (304, 265), "name_to_handle_at": (303, 264), "fanotify_init": (300, 262),
    "lookup_dcookie": (212, 18), "quotactl": (179, 60), "quotactl_fd": (443, 443),
    "modify_ldt": (154, None), "uselib": (134, None), "ustat": (136, None), "iopl": (172, None),
    "ioperm": (173, None), "nfsservctl": (180, 42), "vhangup": (153, 58),
    # the machine itself
    "kexec_load": (246, 104), "kexec_file_load": (320, 294), "init_module": (175, 105),
    "finit_module": (313, 273), "delete_module": (176, 106), "swapon": (167, 224), "swapoff": (168, 225),
    "reboot": (169, 142), "acct": (163, 89), "syslog": (103, 116), "settimeofday": (164, 170),
    "clock_settime": (227, 112), "clock_adjtime": (305, 266), "sethostname": (170, 161),
    "setdomainname": (171, 162),
}  # fmt: skip
_PTRACE = ("ptrace", "process_vm_readv", "process_vm_writev", "kcmp")

_ABSENT: dict[str, tuple[int, int, int]] = {
    # their arguments lie in memory, where a filter cannot look; libraries fall back to the older call
    "clone3": (435, 435, errno.ENOSYS),
    "openat2": (437, 437, errno.ENOSYS),
    # reserves space without writing it, past the size limit that writing meets
    "fallocate": (285, 47, errno.EOPNOTSUPP),
}

# Refused besides where there are no namespaces: what they would have held.
_SHARED: dict[str, tuple[int | None, int | None]] = {
    # memory, messages and locks that all programs of a user share
    "shmget": (29, 194), "shmat": (30, 196), "shmctl": (31, 195), "semget": (64, 190), "semop": (65, 193),
    "semctl": (66, 191), "semtimedop": (220, 192), "msgget": (68, 186), "msgsnd": (69, 189),
    "msgrcv": (70, 188), "msgctl": (71, 187), "mq_open": (240, 180), "mq_unlink": (241, 181),
    # Landlock does not look at these: they tell what happens in a folder, or change a file without opening it
    "inotify_add_watch": (254, 27), "fanotify_mark": (301, 263),
    "chown": (92, None), "fchown": (93, 55), "lchown": (94, None), "fchownat": (260, 54),
    "setxattr": (188, 5), "lsetxattr": (189, 6), "fsetxattr": (190, 7), "setxattrat": (463, 463),
    "removexattr": (197, 14), "lremovexattr": (198, 15), "fremovexattr": (199, 16),
    "removexattrat": (466, 466), "file_setattr": (469, 469),
    # no kind of socket: a file system's path, a port of loopback, an abstract name lead out
    "socket": (41, 198),
}  # fmt: skip
_SELF_ONLY: dict[str, tuple[int, int, int]] = {
    # name: (x86_64, aarch64, index of the argument that must be 0: this very process)
    "prlimit64": (302, 261, 0), "sched_setparam": (142, 118, 0), "sched_setscheduler": (144, 119, 0),
    "sched_setattr": (314, 274, 0), "sched_setaffinity": (203, 122, 0), "setpriority": (141, 140, 1),
    "ioprio_set": (251, 30, 1), "migrate_pages": (256, 238, 0), "move_pages": (279, 239, 0),
}  # fmt: skip
_SOCKETPAIR = (53, 199)
_UNIX, _STREAM, _SEQPACKET, _KIND = 1, 1, 5, 0xF

_NEW_NAMESPACES = 0x7E020000
_SET_IDS = 0o6000
_CREATES = 0o100 | 0o20000000
"""O_CREAT, __O_TMPFILE: only then does open take a mode."""
_FAMILIES = (1, 2, 10)
"""unix, inet, inet6. A network namespace does not hold vsock."""
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C

# name: (x86_64, aarch64, index of the mode argument)
_MODES: dict[str, tuple[int | None, int | None, int]] = {
    "chmod": (90, None, 1), "fchmod": (91, 52, 1), "fchmodat": (268, 53, 2), "fchmodat2": (452, 452, 2),
    "creat": (85, None, 1), "mknod": (133, None, 1), "mknodat": (259, 33, 2),
}  # fmt: skip
_OPENS: dict[str, tuple[int | None, int | None, int]] = {"open": (2, None, 1), "openat": (257, 56, 2)}


def _refuse(code: int = errno.EPERM) -> Instruction:
    return (_RET, 0, 0, _ERRNO | code)


_PASS: Instruction = (_RET, 0, 0, _ALLOW)


def _argument(index: int) -> Instruction:
    """Load the low half of an argument: the kernel takes no more of those that are tested."""
    return (_LOAD, 0, 0, _ARGS + 8 * index)


def _when(number: int | None, body: Sequence[Instruction]) -> list[Instruction]:
    """``body`` for one system call; it must end in a return."""
    return [] if number is None else [(_JEQ, 0, len(body), number), *body]


def _flagged(index: int, bits: int) -> list[Instruction]:
    """Refuse if any of ``bits`` is set in the argument."""
    return [_argument(index), (_JSET, 0, 1, bits), _refuse(), _PASS]


def _of_families(known: Sequence[int]) -> list[Instruction]:
    """Only sockets of these address families."""
    tests: list[Instruction] = [(_JEQ, len(known) - n, 0, family) for n, family in enumerate(known)]
    return [_argument(0), *tests, _refuse(errno.EAFNOSUPPORT), _PASS]


def _without_namespaces(second: bool) -> list[Instruction]:
    """What is refused besides where there are none. A pair of sockets must be a stream: the other kind could
    send to a name."""
    out: list[Instruction] = []
    for numbers in _SHARED.values():
        out += _when(numbers[second], [_refuse()])
    for *both, index in _SELF_ONLY.values():
        out += _when(both[second], [_argument(index), (_JEQ, 1, 0, 0), _refuse(), _PASS])
    kinds = [_argument(1), (_AND, 0, 0, _KIND), (_JEQ, 2, 0, _STREAM), (_JEQ, 1, 0, _SEQPACKET)]
    pair = [_argument(0), (_JEQ, 1, 0, _UNIX), _refuse(), *kinds, _refuse(), _PASS]
    return [*out, *_when(_SOCKETPAIR[second], pair)]


def program(
    machine: str, *, allow_ptrace: bool = False, namespaces: bool = True, unix_sockets: bool = True
) -> list[Instruction]:
    """The filter as (code, jump if true, jump if false, constant). ``namespaces``: whether it stands inside
    of some, which hold what it then need not. Without ``unix_sockets`` only their pairs can be made."""
    if machine not in _ARCHES:
        raise NoSandbox(f"no system-call filter for {machine}", fix="Use x86_64 or aarch64.")
    second = machine == "aarch64"
    out: list[Instruction] = [
        (_LOAD, 0, 0, _ARCH),
        (_JEQ, 1, 0, _ARCHES[machine]),
        _refuse(errno.ENOSYS),
        (_LOAD, 0, 0, _NR),
    ]
    if not second:
        out += [(_JGE, 0, 1, _X32), _refuse(errno.ENOSYS)]
    for name, numbers in _NUMBERS.items():
        if not (allow_ptrace and name in _PTRACE):
            out += _when(numbers[second], [_refuse()])
    if not namespaces:
        out += _without_namespaces(second)
    for *absent, code in _ABSENT.values():
        out += _when(absent[second], [_refuse(code)])
    out += _when((56, 220)[second], _flagged(0, _NEW_NAMESPACES))
    for *modes, index in _MODES.values():
        out += _when(modes[second], _flagged(index, _SET_IDS))
    for *opens, index in _OPENS.values():
        out += _when(
            opens[second],
            [_argument(index), (_JSET, 1, 0, _CREATES), _PASS, *_flagged(index + 1, _SET_IDS)],
        )
    out += _when((41, 198)[second], _of_families(_FAMILIES if unix_sockets else _FAMILIES[1:]))
    out += _when(_SOCKETPAIR[second], _of_families(_FAMILIES))
    out += _when(
        (16, 29)[second], [_argument(1), (_JEQ, 1, 0, _TIOCSTI), (_JEQ, 0, 1, _TIOCLINUX), _refuse(), _PASS]
    )
    return [*out, _PASS]


@cache
def assembled(*, allow_ptrace: bool = False, namespaces: bool = True, unix_sockets: bool = True) -> bytes:
    """The filter for this machine, as the kernel and bwrap's ``--seccomp`` read it."""
    found = program(
        platform.machine(), allow_ptrace=allow_ptrace, namespaces=namespaces, unix_sockets=unix_sockets
    )
    return b"".join(struct.pack("=HBBI", *each) for each in found)
