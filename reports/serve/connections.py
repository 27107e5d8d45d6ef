"""The connections that a server holds: when it has no room, the one that has kept it waiting longest is cut."""

from __future__ import annotations

import contextlib
import io
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Connections:
    """The open connections. Those whose request has not arrived whole may be cut, longest first; no other is.

    Attributes:
        most: Largest number of connections.
    """

    most: int
    _waiting: dict[socket.socket, None] = field(default_factory=dict)
    _answering: set[socket.socket] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __len__(self) -> int:
        return len(self._waiting) + len(self._answering)

    def admit(self, connection: socket.socket) -> bool:
        """Take in a new connection, in the place of the one that waits longest if need be; False if all are busy."""
        with self._lock:
            if len(self) >= self.most:
                if not self._waiting:
                    return False
                oldest = next(iter(self._waiting))
                del self._waiting[oldest]
                with contextlib.suppress(OSError):  # it has gone by itself
                    oldest.shutdown(socket.SHUT_RDWR)  # which wakes and ends its thread
            self._waiting[connection] = None
            return True

    def waits(self, connection: socket.socket) -> None:
        """Note that a connection's next request is awaited."""
        with self._lock:
            if connection in self._answering:
                self._answering.remove(connection)
                self._waiting[connection] = None

    def answers(self, connection: socket.socket) -> bool:
        """Note that a connection's request has arrived; False if it was cut meanwhile."""
        with self._lock:
            if connection not in self._waiting:
                return False
            del self._waiting[connection]
            self._answering.add(connection)
            return True

    def forget(self, connection: socket.socket) -> None:
        """Note that a connection is closed."""
        with self._lock:
            self._waiting.pop(connection, None)
            self._answering.discard(connection)


class TimedReader(io.RawIOBase):
    """Reads a socket until a deadline for all bytes together, not for each of them: a drip of bytes gains no time.

    Args:
        connection: The socket.
        clock: Returns the time in seconds.
    """

    def __init__(self, connection: socket.socket, clock: Callable[[], float] = time.monotonic) -> None:
        self._connection, self._clock = connection, clock
        self._deadline_s = clock()

    def allow(self, patience_s: float) -> None:
        """Set the deadline of what is read from now on."""
        self._deadline_s = self._clock() + patience_s

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Read what has arrived, waiting for it if need be.

        Raises:
            TimeoutError: The deadline has passed.
        """
        left_s = self._deadline_s - self._clock()
        if left_s <= 0:
            raise TimeoutError("the request did not arrive in time")
        self._connection.settimeout(left_s)
        return self._connection.recv_into(buffer)
