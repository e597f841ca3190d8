"""The other end of ``wrapper.rs``: a local socket on which each call of rustc says what it is asked for.

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

_NUMBER = struct.Struct("<I")
_LONGEST_NAME = 100
"""Bytes that the name of a socket may have (108 on Linux, 104 elsewhere)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunInstruction:
    """What a call is to run."""

    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables that it gets besides Cargo's."""
    links: tuple[tuple[Path, Path], ...] = ()
    """Files, each with the place where it must lie too as soon as the metadata is there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AlreadyMade:
    """A call's result lies there already."""

    said: bytes
    """What rustc said when it was made."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """How a run of rustc went."""

    fields: Mapping[str, float]
    """As ``wrapper.rs`` names them."""
    said: bytes

    @property
    def ok(self) -> bool:
        """Whether it succeeded."""
        return self.fields["code"] == 0


class Conversation(Protocol):
    """Deals with one call."""

    def answer(self) -> RunInstruction | AlreadyMade:
        """What is to be done."""
        ...

    def ended(self, report: Report) -> None:
        """What was to be run has ended."""
        ...


class Listener(Protocol):
    """Deals with the calls of one build."""

    def called(self, call: RustcCall) -> AbstractContextManager[Conversation]:
        """A call of rustc, for as long as it takes."""
        ...


@contextlib.contextmanager
def listening(listener: Listener, folder: Path, ended: threading.Event) -> Iterator[Path]:
    """Answer the calls of a build, in threads of their own; yields the socket.

    Args:
        listener: deals with the calls; it is called by several threads.
        folder: where the socket is to lie, if its path is short enough for one.
        ended: is set at the end, for those who wait for something else.

    Raises:
        OSError: what the listener reads or writes cannot be read or written.
    """
    with contextlib.ExitStack() as last, contextlib.ExitStack() as stack:
        place = folder / f"socket-{os.getpid()}"
        if len(os.fsencode(place)) > _LONGEST_NAME:
            place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="trimtab-"))) / "socket"
        place.unlink(missing_ok=True)
        server = _Server(str(place), listener, ended)
        last.push(server.tell_failure)  # when all threads have ended; what else went wrong came of it
        stack.enter_context(server)
        thread = threading.Thread(target=server.serve, daemon=True)
        try:
            thread.start()
            yield place
        finally:
            ended.set()
            if thread.is_alive():  # else an interruption came while it started, and it sees at once that it is over
                _wake(place)
                thread.join()
            server.hang_up()
            place.unlink(missing_ok=True)


def _wake(place: Path) -> None:
    """Have a server see that it is over; where that cannot be done, not even wait, it sees that by itself."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
        connection.setblocking(False)
        connection.connect(str(place))


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = False  # an entry of the cache that is being written is finished
    request_queue_size = 256
    timeout = 1.0
    """Seconds; where nobody could wake it, as when the socket's file is gone, the end is seen so late."""

    def __init__(self, place: str, listener: Listener, ended: threading.Event) -> None:
        super().__init__(place, _Handler)
        self.listener, self._ended = listener, ended
        self._failure: BaseException | None = None
        self._open: set[socket.socket] = set()

    def serve(self) -> None:
        """Answer until the end; `serve_forever` cannot be ended before it has begun."""
        while not self._ended.is_set():
            self.handle_request()

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002 - of the base class
        """Keep what went wrong for the thread that builds."""
        self._failure = self._failure or sys.exception()

    def tell_failure(self, kind: type[BaseException] | None, *_: object) -> None:
        """Raise what went wrong here, if something did: the call in question has failed, and with it the build.

        Args:
            kind: of what is being raised already; an interruption is not to be lost.
        """
        if self._failure and (kind is None or issubclass(kind, Exception)):
            raise self._failure

    def open(self, connection: socket.socket) -> None:
        """A call has begun."""
        self._open.add(connection)

    def closed(self, connection: socket.socket) -> None:
        """A call has ended."""
        self._open.discard(connection)

    def hang_up(self) -> None:
        """End the conversations with calls that were killed but whose children keep the line open."""
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        self.server.open(self.connection)
        try:
            with contextlib.suppress(EOFError, ConnectionError):  # it was killed
                self._talk()
        finally:
            self.server.closed(self.connection)

    def _talk(self) -> None:
        folder, *words = map(os.fsdecode, self._receive())
        pairs = (os.fsdecode(item).partition("=") for item in self._receive())
        call = RustcCall.read(folder, tuple(words), {name: value for name, _, value in pairs})
        with self.server.listener.called(call) as conversation:
            answer = conversation.answer()
            if isinstance(answer, AlreadyMade):
                self._send([answer.said])
                return
            self._send([])
            self._send(map(os.fsencode, answer.argv))
            self._send(os.fsencode(f"{name}={value}") for name, value in answer.environment.items())
            self._send(os.fsencode(path) for link in answer.links for path in link)
            fields, said = self._receive()
            pairs = (text.partition("=") for text in fields.decode().split())
            conversation.ended(Report(fields={name: float(value) for name, _, value in pairs}, said=said))
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
