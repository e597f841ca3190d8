"""The socket between the wrapper and trimtab, with a wrapper in Python."""

from __future__ import annotations

import contextlib
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fakes.rustc import FIELDS, Crate, Wrapper
from trimtab.builders.rustc_wrapper.invocation import RustcCall
from trimtab.builders.rustc_wrapper.server import CachedResult, Report, RunInstruction, _Server, listening
from trimtab.model.build_progress import Stage


class Answering:
    """Gives one answer to all, and writes down what happens; may make calls wait."""

    def __init__(
        self, answer: RunInstruction | CachedResult, wait: Callable[[RustcCall], object] = lambda _: None
    ) -> None:
        self._answer, self._wait = answer, wait
        self.calls: list[RustcCall] = []
        self.reports: list[Report] = []
        self.stages: list[Stage] = []
        self.over = threading.Semaphore(0)

    @contextlib.contextmanager
    def called(self, call: RustcCall) -> Iterator[Answering]:
        self.calls.append(call)
        try:
            self._wait(call)
            yield self
        finally:
            self.over.release()

    def answer(self) -> RunInstruction | CachedResult:
        return self._answer

    def reached(self, stage: Stage) -> None:
        self.stages.append(stage)

    def ended(self, report: Report) -> None:
        self.reports.append(report)

    def wait_until_over(self) -> None:
        assert self.over.acquire(timeout=20)


def ask_and_hang_up(place: Path, crate: Crate, listener: Answering) -> None:
    wrapper = Wrapper(place)
    wrapper.ask(crate.call)
    wrapper.hang_up()
    listener.wait_until_over()


def ask_in_vain(place: Path, crate: Crate) -> None:
    with Wrapper(place) as wrapper, contextlib.suppress(EOFError, ConnectionError):
        wrapper.ask(crate.call)
        raise AssertionError("there was an answer")


@pytest.fixture
def crate(tmp_path: Path) -> Crate:
    return Crate(package=tmp_path / "work" / "base", target=tmp_path / "target")


class TestAnswers:
    def test_a_result_that_is_there_is_told_with_what_rustc_said_of_it(self, crate: Crate, tmp_path: Path) -> None:
        listener = Answering(CachedResult(stderr=b'{"warning": "unused \xff"}\n'))
        with listening(listener, tmp_path, threading.Event()) as place, Wrapper(place) as wrapper:
            assert wrapper.ask(crate.call) == [[b'{"warning": "unused \xff"}\n']]
        assert listener.reports == []

    def test_nothing_that_rustc_said_is_still_an_answer(self, crate: Crate, tmp_path: Path) -> None:
        with (
            listening(Answering(CachedResult(stderr=b"")), tmp_path, threading.Event()) as place,
            Wrapper(place) as wrapper,
        ):
            wrapper.send([crate.call.folder, "rustc", *crate.call.arguments])
            wrapper.send([])
            assert wrapper.receive() == [b""]

    def test_a_call_is_read_as_it_was_made(self, crate: Crate, tmp_path: Path) -> None:
        listener = Answering(CachedResult(stderr=b"it"))
        with listening(listener, tmp_path, threading.Event()) as place, Wrapper(place) as wrapper:
            wrapper.ask(crate.call)
        assert listener.calls == [crate.call]

    def test_names_that_are_no_text_go_through_as_they_are(self, crate: Crate, tmp_path: Path) -> None:
        odd = crate.but("--cfg", "\udcff", environment={"ODD": "a=b\n\udcfe", "EMPTY": ""}).call
        listener = Answering(RunInstruction(argv=("rustc", "\udcff"), environment={"ODD": "\udcfe"}))
        with listening(listener, tmp_path, threading.Event()) as place, Wrapper(place) as wrapper:
            assert wrapper.ask(odd)[1:3] == [[b"rustc", b"\xff"], [b"ODD=\xfe"]]
        assert listener.calls == [odd]

    def test_a_run_is_told_with_its_surroundings_and_links(self, crate: Crate, tmp_path: Path) -> None:
        run = RunInstruction(argv=("rustc", "-O", ""), environment={"A": "1=2"}, links=((Path("/a b"), Path("/c")),))
        listener = Answering(run)
        with listening(listener, tmp_path, threading.Event()) as place, Wrapper(place) as wrapper:
            assert wrapper.ask(crate.call) == [[], [b"rustc", b"-O", b""], [b"A=1=2"], [b"/a b", b"/c"]]
            assert wrapper.tell(FIELDS, b"a warning") == []
        (report,) = listener.reports
        assert (report.fields, report.stderr, report.ok) == (FIELDS, b"a warning", True)

    @pytest.mark.parametrize("code", [1, 101, -1])
    def test_a_run_that_failed_is_known_as_such(self, code: int, crate: Crate, tmp_path: Path) -> None:
        listener = Answering(RunInstruction(argv=("rustc",)))
        with listening(listener, tmp_path, threading.Event()) as place, Wrapper(place) as wrapper:
            wrapper.ask(crate.call)
            wrapper.tell({**FIELDS, "code": code})
        assert [report.ok for report in listener.reports] == [False]

    def test_stages_are_reported_as_they_begin(self, crate: Crate, tmp_path: Path) -> None:
        listener = Answering(RunInstruction(argv=("rustc",)))
        with listening(listener, tmp_path, threading.Event()) as place, Wrapper(place) as wrapper:
            wrapper.ask(crate.call)
            wrapper.send(["LTO"])
            wrapper.send(["LINKING"])
            wrapper.tell(FIELDS)
        assert listener.stages == [Stage.LTO, Stage.LINKING]
        assert len(listener.reports) == 1

    def test_much_may_be_said(self, crate: Crate, tmp_path: Path) -> None:
        much = b"w" * 3_000_000
        listener = Answering(RunInstruction(argv=("rustc",)))
        with listening(listener, tmp_path, threading.Event()) as place, Wrapper(place) as wrapper:
            wrapper.ask(crate.but("--cfg", "x" * 100_000).call)
            wrapper.tell(FIELDS, much)
        assert listener.reports[0].stderr == much


class TestSeveral:
    def test_calls_do_not_wait_for_each_other(self, crate: Crate, tmp_path: Path) -> None:
        all_there = threading.Barrier(5)
        listener = Answering(RunInstruction(argv=("rustc",)), lambda _: all_there.wait(20))
        with listening(listener, tmp_path, threading.Event()) as place, contextlib.ExitStack() as stack:
            wrappers = [stack.enter_context(Wrapper(place)) for _ in range(5)]
            for wrapper in wrappers:
                wrapper.send([crate.call.folder, "rustc"])
                wrapper.send([])
            for wrapper in reversed(wrappers):
                assert [wrapper.receive() for _ in range(4)][1] == [b"rustc"]
                wrapper.tell(FIELDS)
        assert len(listener.reports) == 5

    def test_the_end_of_a_build_waits_for_what_is_still_being_dealt_with(self, crate: Crate, tmp_path: Path) -> None:
        go_on, done = threading.Event(), []

        def slowly(_: RustcCall) -> None:
            assert go_on.wait(20)
            done.append("it was finished")

        listener = Answering(CachedResult(stderr=b"it"), slowly)
        with listening(listener, tmp_path, threading.Event()) as place:
            wrapper = Wrapper(place)
            wrapper.send([crate.call.folder, "rustc"])
            wrapper.send([])
            while not listener.calls:
                time.sleep(0.001)
            threading.Timer(0.05, go_on.set).start()
        wrapper.hang_up()
        assert done == ["it was finished"]


class TestEnd:
    """It ends at once, or when it looks by itself."""

    def listens(self, folder: Path, *, removes: bool) -> bool:
        """Whether it still listens after 20 seconds."""

        def listen() -> None:
            with listening(Answering(CachedResult(stderr=b"")), folder, threading.Event()) as place:
                if removes:
                    place.unlink()

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        thread.join(20)
        return thread.is_alive()

    def test_it_is_woken(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(_Server, "timeout", 600.0)
        assert not self.listens(tmp_path, removes=False)

    def test_somebody_has_removed_the_socket(self, tmp_path: Path) -> None:
        assert not self.listens(tmp_path, removes=True)


class TestHangingUp:
    """A wrapper is killed at any moment: nothing comes of that call, and the others go on."""

    @pytest.mark.parametrize("sent", range(0, 60, 7))
    def test_while_it_asks(self, sent: int, crate: Crate, tmp_path: Path) -> None:
        listener = Answering(CachedResult(stderr=b"it"))
        with listening(listener, tmp_path, threading.Event()) as place:
            wrapper = Wrapper(place)
            wrapper.send_bytes((struct.pack("<II", 2, 50) + b"/" * 60)[:sent])
            wrapper.hang_up()
            with Wrapper(place) as another:
                assert another.ask(crate.call) == [[b"it"]]
        assert listener.calls == [crate.call]

    def test_while_it_waits_for_an_answer(self, crate: Crate, tmp_path: Path) -> None:
        hung_up = threading.Event()
        listener = Answering(RunInstruction(argv=("rustc", "x" * 1_000_000)), lambda _: hung_up.wait(20))
        with listening(listener, tmp_path, threading.Event()) as place:
            wrapper = Wrapper(place)
            wrapper.send([crate.call.folder, "rustc"])
            wrapper.send([])
            wrapper.hang_up()
            hung_up.set()
            listener.wait_until_over()
        assert listener.reports == []

    def test_while_rustc_runs(self, crate: Crate, tmp_path: Path) -> None:
        listener = Answering(RunInstruction(argv=("rustc",)))
        with listening(listener, tmp_path, threading.Event()) as place:
            ask_and_hang_up(place, crate, listener)
            with Wrapper(place) as another:
                another.ask(crate.call)
                another.tell(FIELDS)
        assert len(listener.reports) == 1

    def test_in_the_middle_of_its_report(self, crate: Crate, tmp_path: Path) -> None:
        listener = Answering(RunInstruction(argv=("rustc",)))
        with listening(listener, tmp_path, threading.Event()) as place:
            wrapper = Wrapper(place)
            wrapper.ask(crate.call)
            wrapper.send_bytes(struct.pack("<II", 2, 100) + b"code=0 wall=")
            wrapper.hang_up()
            listener.wait_until_over()
        assert listener.reports == []

    def test_a_line_that_somebody_keeps_open_does_not_keep_the_build_from_ending(
        self, crate: Crate, tmp_path: Path
    ) -> None:
        listener = Answering(RunInstruction(argv=("rustc",)))
        with listening(listener, tmp_path, threading.Event()) as place:
            wrapper = Wrapper(place)
            wrapper.ask(crate.call)
        listener.wait_until_over()
        assert listener.reports == []
        wrapper.hang_up()


class TestFailures:
    """What goes wrong on our side ends the call, and with it the build, which then has that error."""

    @pytest.mark.parametrize("calls", [1, 2])
    def test_the_first_one_counts(self, calls: int, crate: Crate, tmp_path: Path) -> None:
        numbers = iter(range(calls))

        def fail(_: RustcCall) -> None:
            raise OSError(28, f"No space left for call {next(numbers)}")

        def build() -> None:
            with listening(Answering(CachedResult(stderr=b""), fail), tmp_path, threading.Event()) as place:
                for _ in range(calls):
                    ask_in_vain(place, crate)

        with pytest.raises(OSError, match="No space left for call 0"):
            build()
        assert list(numbers) == []
        assert list(tmp_path.iterdir()) == []

    def test_does_not_hide_an_interruption(self, crate: Crate, tmp_path: Path) -> None:
        def fail(_: RustcCall) -> None:
            raise OSError(28, "No space left on device")

        def build() -> None:
            with listening(Answering(CachedResult(stderr=b""), fail), tmp_path, threading.Event()) as place:
                ask_in_vain(place, crate)
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            build()

    def test_being_hung_up_on_is_none(self, crate: Crate, tmp_path: Path) -> None:
        listener = Answering(RunInstruction(argv=("rustc",)))
        with listening(listener, tmp_path, threading.Event()) as place:
            ask_and_hang_up(place, crate, listener)


class TestPlace:
    def test_is_in_the_folder_and_gone_afterwards(self, tmp_path: Path) -> None:
        with listening(Answering(CachedResult(stderr=b"")), tmp_path, threading.Event()) as place:
            assert place.parent == tmp_path
            assert place.is_socket()
        assert list(tmp_path.iterdir()) == []

    def test_is_somewhere_else_where_the_folder_has_a_long_name(self, crate: Crate, tmp_path: Path) -> None:
        folder = tmp_path / ("a very long name " * 6)
        folder.mkdir()
        with (
            listening(Answering(CachedResult(stderr=b"it")), folder, threading.Event()) as place,
            Wrapper(place) as wrapper,
        ):
            assert not place.is_relative_to(folder)
            assert wrapper.ask(crate.call) == [[b"it"]]
        assert not place.parent.exists()

    def test_is_taken_over_from_one_that_was_killed(self, crate: Crate, tmp_path: Path) -> None:
        with listening(Answering(CachedResult(stderr=b"")), tmp_path, threading.Event()) as place:
            pass
        place.write_text("left lying there")
        with (
            listening(Answering(CachedResult(stderr=b"it")), tmp_path, threading.Event()) as place,
            Wrapper(place) as wrapper,
        ):
            assert wrapper.ask(crate.call) == [[b"it"]]

    def test_is_gone_where_it_ended_before_it_began(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """As Ctrl-C has it, when it comes while the thread starts."""
        late: list[threading.Thread] = []
        start = threading.Thread.start

        def interrupted(thread: threading.Thread) -> None:
            late.append(thread)
            raise KeyboardInterrupt

        failures: list[object] = []
        with monkeypatch.context() as patched:
            patched.setattr(threading.Thread, "start", interrupted)
            with (
                pytest.raises(KeyboardInterrupt),
                listening(Answering(CachedResult(stderr=b"")), tmp_path, threading.Event()),
            ):
                pytest.fail("it went on")
        monkeypatch.setattr(threading, "excepthook", failures.append)
        (thread,) = late
        start(thread)
        thread.join(20)
        assert (thread.is_alive(), failures, list(tmp_path.iterdir())) == (False, [], [])

    def test_is_gone_after_an_error_too(self, tmp_path: Path) -> None:
        with pytest.raises(KeyError), listening(Answering(CachedResult(stderr=b"")), tmp_path, threading.Event()):
            raise KeyError
        assert list(tmp_path.iterdir()) == []
