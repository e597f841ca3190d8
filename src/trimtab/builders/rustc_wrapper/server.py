"""Server of the rustc wrapper (``wrapper.rs``): each rustc call of a build connects to its local socket.

A message is a count and as many items, each with its length before it; numbers are four bytes, the lowest first.
"""

from __future__ import annotations

import contextlib
import os
import socket
import socketserver
import struct
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from trimtab.builders.rustc_wrapper.invocation import RustcCall
from trimtab.model.build_progress import Stage

_NUMBER = struct.Struct("<I")
_LONGEST_NAME = 100
"""Bytes that the name of a socket may have (108 on Linux, 104 elsewhere)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunInstruction:
    """Answer to a call: the command line to run."""

    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables to set besides Cargo's."""
    links: tuple[tuple[Path, Path], ...] = ()
    """Pairs of a file and a path to hard-link it to, as soon as the metadata is written."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CachedResult:
    """Answer to a call: its output files are there already, from the unit cache."""

    stderr: bytes
    """Diagnostics of rustc from when they were made."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """Report of the wrapper on a run of rustc."""

    fields: Mapping[str, float]
    """Exit code, times and memory, under the names that ``wrapper.rs`` gives them."""
    stderr: bytes

    @property
    def ok(self) -> bool:
        """Whether it succeeded."""
        return self.fields["code"] == 0


class CallHandler(Protocol):
    """Protocol for handling one call."""

    def answer(self) -> RunInstruction | CachedResult:
        """The answer to the wrapper."""
        ...

    def reached(self, stage: Stage) -> None:
        """Called when what runs has reached a further stage."""
        ...

    def ended(self, report: Report) -> None:
        """Called with the report, when what was to be run has ended."""
        ...


class Listener(Protocol):
    """Protocol for handling the calls of one build."""

    def called(self, call: RustcCall) -> AbstractContextManager[CallHandler]:
        """A context for the duration of one rustc call."""
        ...


@contextlib.contextmanager
def listening(listener: Listener, folder: Path, ended: threading.Event) -> Iterator[Path]:
    """Serve the calls of a build, each in a thread of its own; yields the path of the socket.

    Args:
        listener: handles the calls; several threads call it.
        folder: folder for the socket, if its path is short enough for one.
        ended: is set when the build has ended, for threads that wait for something else.

    Raises:
        OSError: the listener could not read or write a file.
    """
    with contextlib.ExitStack() as last, contextlib.ExitStack() as stack:
        path = folder / f"socket-{os.getpid()}"
        if len(os.fsencode(path)) > _LONGEST_NAME:
            path = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="trimtab-"))) / "socket"
        path.unlink(missing_ok=True)
        server = _Server(str(path), listener, ended)
        last.push(server.raise_failure)  # once all threads have ended; it is the cause of later errors
        stack.enter_context(server)
        thread = threading.Thread(target=server.serve, daemon=True)
        try:
            thread.start()
            yield path
        finally:
            ended.set()
            if thread.is_alive():  # else an interruption came while it started, and it stops by itself
                _wake(path)
                thread.join()
            server.hang_up()
            path.unlink(missing_ok=True)


def _wake(path: Path) -> None:
    """Wake a server that waits for a connection, by making one; if that fails, its time-out ends the wait."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
        connection.setblocking(False)
        connection.connect(str(path))


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = False  # an entry of the cache that is being written is finished
    request_queue_size = 256
    timeout = 1.0
    """Seconds after which the end is noticed without a connection, as when the socket's file is gone."""

    def __init__(self, path: str, listener: Listener, ended: threading.Event) -> None:
        super().__init__(path, _Handler)
        self.listener, self._ended = listener, ended
        self._failure: BaseException | None = None
        self._open: set[socket.socket] = set()

    def serve(self) -> None:
        """Answer until the build has ended; `serve_forever` cannot be stopped before it has begun."""
        while not self._ended.is_set():
            self.handle_request()

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002 - of the base class
        """Keep the exception for the thread that builds."""
        self._failure = self._failure or sys.exception()

    def raise_failure(self, kind: type[BaseException] | None, *_: object) -> None:
        """Raise the first exception of a thread, if there was one: that call has failed, and with it the build.

        Args:
            kind: type of the exception being raised already; an interruption takes precedence.
        """
        if self._failure and (kind is None or issubclass(kind, Exception)):
            raise self._failure

    def open(self, connection: socket.socket) -> None:
        """Register a connection, at its begin."""
        self._open.add(connection)

    def closed(self, connection: socket.socket) -> None:
        """Forget a connection, at its end."""
        self._open.discard(connection)

    def hang_up(self) -> None:
        """Close connections of calls that were killed but whose children keep them open."""
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        self.server.open(self.connection)
        try:
            with contextlib.suppress(EOFError, ConnectionError):  # the wrapper was killed
                self._serve_call()
        finally:
            self.server.closed(self.connection)

    def _serve_call(self) -> None:
        folder, *argv = map(os.fsdecode, self._receive())
        pairs = (os.fsdecode(item).partition("=") for item in self._receive())
        call = RustcCall.read(folder, tuple(argv), {name: value for name, _, value in pairs})
        with self.server.listener.called(call) as conversation:
            answer = conversation.answer()
            if isinstance(answer, CachedResult):
                self._send([answer.stderr])
                return
            self._send([])
            self._send(map(os.fsencode, answer.argv))
            self._send(os.fsencode(f"{name}={value}") for name, value in answer.environment.items())
            self._send(os.fsencode(path) for link in answer.links for path in link)
            while len(message := self._receive()) == 1:
                conversation.reached(Stage[message[0].decode()])
            fields, stderr = message
            pairs = (text.partition("=") for text in fields.decode().split())
            conversation.ended(Report(fields={name: float(value) for name, _, value in pairs}, stderr=stderr))
            self._send([])

    def _send(self, items: Iterable[bytes]) -> None:
        listed = list(items)
        parts = [_NUMBER.pack(len(listed))]
        for item in listed:
            parts += [_NUMBER.pack(len(item)), item]
        self.wfile.write(b"".join(parts))

    def _receive(self) -> list[bytes]:
        return [self._read(self._number()) for _ in range(self._number())]

    def _number(self) -> int:
        (number,) = _NUMBER.unpack(self._read(_NUMBER.size))
        return int(number)

    def _read(self, size: int) -> bytes:
        data = self.rfile.read(size)
        if len(data) < size:
            raise EOFError
        return data
