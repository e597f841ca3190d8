"""A runner that plays scripted results instead of starting anything."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from trimtab.system.process import Command, Finished

Answer = Finished | Exception | Callable[[Command], Finished]


def finished(
    stdout: str = "",
    *,
    stderr: str = "",
    exit_code: int = 0,
    wall: float = 1.0,
    cpu: float = 2.0,
    timed_out: bool = False,
    oom_killed: bool = False,
    peak_memory: int | None = None,
) -> Finished:
    """How a command ended; well and after a second unless said otherwise."""
    return Finished(
        exit_code=exit_code,
        wall=wall,
        cpu=cpu,
        stdout=stdout,
        stderr=stderr,
        timed_out=timed_out,
        oom_killed=oom_killed,
        peak_memory=peak_memory,
        memory_method="played" if peak_memory else "",
    )


class FakeRunner:
    """Answers each command by the first rule whose pattern matches its command line; keeps what it was given."""

    def __init__(self) -> None:
        self.commands: list[Command] = []
        self._rules: list[tuple[str, list[Answer]]] = []

    def on(self, pattern: str, *answers: Answer) -> FakeRunner:
        """Script the answers to commands like ``cargo build *``, one after the other; the last one repeats."""
        self._rules.append((pattern, list(answers)))
        return self

    @property
    def lines(self) -> list[str]:
        """The command lines that were run."""
        return [line_of(command.argv) for command in self.commands]

    def run(self, command: Command) -> Finished:
        """Play the scripted answer."""
        self.commands.append(command)
        for pattern, answers in self._rules:
            if fnmatchcase(line_of(command.argv), pattern):
                answer = answers.pop(0) if len(answers) > 1 else answers[0]
                if isinstance(answer, Exception):
                    raise answer
                return answer if isinstance(answer, Finished) else answer(command)
        return self.otherwise(command)

    def otherwise(self, command: Command) -> Finished:
        """What is not scripted is a mistake in the test, or something new in trimtab."""
        raise AssertionError(f"nobody scripted {line_of(command.argv)!r}")


def line_of(argv: Sequence[str]) -> str:
    """A command line as patterns see it."""
    return " ".join(argv)


def callgrind(command: Command, instructions: int) -> Finished:
    """callgrind, which writes its log: a tenth of the instructions miss the first cache."""
    (log,) = (word.partition("=")[2] for word in command.argv if word.startswith("--log-file="))
    lines = f"==7== Events    : Ir D1mr\n==7== Collected : {instructions} {instructions // 10}\n==7==\n"
    Path(log).write_text(lines)
    return finished()
