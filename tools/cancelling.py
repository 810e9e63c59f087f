"""A request's cancellation."""

from __future__ import annotations

import os
import threading


class Cancel:
    """A request's cancellation, as something that can be polled."""

    def __init__(self) -> None:
        """Opens the descriptor that becomes readable on ``set``."""
        self.fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self.is_set = False
        self._lock = threading.Lock()

    def set(self) -> None:
        """Ask the running command to stop. Harmless if there is none, or if it has ended."""
        with self._lock:
            self.is_set = True
            if self.fd >= 0:
                os.eventfd_write(self.fd, 1)

    def close(self) -> None:
        """Free the descriptor."""
        with self._lock:
            os.close(self.fd)
            self.fd = -1
