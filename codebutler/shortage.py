"""What the machine has no more of, in words: nobody's fault here, and no traceback helps."""

from __future__ import annotations

import errno


def shortage(error: BaseException) -> str:
    """One line for an error that says that something has run out, "" for any other."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, MemoryError):
        return "There is not enough memory. Raise the limit (ulimit -v unlimited), or free some."
    if not isinstance(error, OSError):
        return ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{error.filename or 'standard output'}: {error.strerror}."
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return f"{error.strerror}. Raise the limit (ulimit -n 1024) and try again."
    if error.errno in (errno.ENOMEM, errno.EAGAIN):
        return f"{error.strerror}. Free some memory, or end some processes, and try again."
    return ""
