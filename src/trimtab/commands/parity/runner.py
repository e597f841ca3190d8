"""Judging inputs side by side: what each of two programs does with them, and whether each agrees with itself.

Every input is run with the baseline, then with the candidate. Only where the two differ are both run again, in turn, as
long as the difference stands: what comes out one way or the other by chance would have to come out one way on one side
and the other way on the other, each time. Repeating more runs could only find inputs on which the two agree by chance:
nothing would be reported on those either way. Where other lines of an output differ from run to run, it takes more runs
to be sure of the rest.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from trimtab.commands.parity.compare import settled
from trimtab.commands.parity.model import Behaviour, Input, SetAside
from trimtab.commands.parity.programs import Program
from trimtab.commands.parity.sandbox import CopyError, Sandbox
from trimtab.commands.parity.summary import InputResult
from trimtab.model.parity_check import ParityCheck
from trimtab.system.orphans import kill_leftovers
from trimtab.system.process import Runner

_PAUSE = 0.05
_REPEATS = 3
"""With three, 2 · 2⁻⁸ = 0.8 % of inputs are called different on which equal programs do one of two things by chance."""
_MOST_REPEATS = 9
"""Repeats where single lines of a random output are judged, each of which is a chance: 2 · 2⁻²⁰ with nine."""


@dataclass(kw_only=True, slots=True)
class DifferentialRunner:
    """Runs inputs side by side, and ends what is running when it is told to stop."""

    runner: Runner
    environment: Mapping[str, str]
    folder: Path
    """Parent of the scratch folders; on the file system of programs that are linked into these."""
    base: Program
    head: Program
    jobs: int
    """Inputs at a time."""
    on_progress: Callable[[str, int, int], None]
    """Called after every input with the name of the check, the inputs done, and all of them."""
    interrupted: bool = False
    _stopping: threading.Event = field(default_factory=threading.Event)

    def results(self, check: ParityCheck, inputs: Sequence[Input], beside: Mapping[str, Path]) -> list[InputResult]:
        """Every input on both sides; after an interrupt, those that were finished."""
        futures: list[Future[InputResult]] = []
        with ThreadPoolExecutor(self.jobs) as pool:
            try:
                for number, given in enumerate(inputs):
                    futures.append(pool.submit(self._result, check, given, beside, self.folder / f"{number:06}"))
                for done, future in enumerate(as_completed(futures), start=1):
                    future.result()
                    self.on_progress(check.name, done, len(futures))
            except KeyboardInterrupt:
                self.interrupted = True
                self._stop(pool, futures)
            except BaseException:
                self._stop(pool, futures)
                raise
        kill_leftovers(self.folder)  # a process may have begun just when those of its run were killed
        return [future.result() for future in futures if future.done() and not _lost(future)]

    def _stop(self, pool: ThreadPoolExecutor, futures: Sequence[Future[InputResult]]) -> None:
        self._stopping.set()
        pool.shutdown(wait=False, cancel_futures=True)
        while not all(future.done() for future in futures):  # a run may have been about to begin
            kill_leftovers(self.folder)
            time.sleep(_PAUSE)

    def _result(self, check: ParityCheck, given: Input, beside: Mapping[str, Path], folder: Path) -> InputResult:
        sandbox = Sandbox(runner=self.runner, folder=folder, environment=self.environment)

        def run(program: Program) -> Behaviour:
            if self._stopping.is_set():
                raise CancelledError
            behaviour = sandbox.observe(program, check, given, beside)
            if self._stopping.is_set():  # then it was killed
                raise CancelledError
            return behaviour

        return observed(given, check, partial(run, self.base), partial(run, self.head))


def observed(
    given: Input, check: ParityCheck, base: Callable[[], Behaviour], head: Callable[[], Behaviour]
) -> InputResult:
    """Run an input on both sides, again as long as they differ; one that cannot be copied is not compared."""
    try:
        bases, heads = [base()], [head()]
        result = settled(given, bases, heads, check)
        for number in range(_MOST_REPEATS):
            if not result.difference or (number >= _REPEATS and not result.unsteady):
                break
            bases.append(base())
            heads.append(head())
            result = settled(given, bases, heads, check)
    except CopyError as error:
        aside = SetAside(input=given.name, project=given.project, reason=str(error))
        return InputResult(input=given.name, project=given.project, base=None, head=None, not_compared=aside)
    return result


def _lost(future: Future[InputResult]) -> bool:
    return future.cancelled() or future.exception() is not None
