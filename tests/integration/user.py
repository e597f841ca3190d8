"""Users with homes of their own, who run trimtab as a program on copies of tiny projects, with the real cargo."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema

PROJECTS = Path(__file__).parent.parent / "projects"
SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas"
LONGEST = 300.0
"""Seconds after which a run has hung, however slow the machine is."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """Exit code and output of a run of trimtab."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """Standard output, which must be one JSON document that is as its schema says."""
        document: dict[str, Any] = json.loads(self.out)
        kind, _, _ = document["schema"].removeprefix("trimtab.").partition("/")
        jsonschema.validate(document, json.loads((SCHEMAS / f"{kind}.schema.json").read_text("utf-8")))
        return document

    def refused(self, code: int) -> str:
        """Standard error of a run that must end with one error of two or three lines; notes may come before it."""
        assert self.code == code, self
        assert "Traceback" not in self.err, self.err
        lines = self.err.splitlines()
        first = max((number for number, line in enumerate(lines) if line.startswith("error: ")), default=None)
        assert first is not None, self.err
        error = lines[first:]
        assert 2 <= len(error) <= 3, self.err
        assert all(line.startswith(("  in: ", "  do: ")) for line in error[1:]), self.err
        return "\n".join(error)


@dataclass(kw_only=True)
class Running:
    """A run of trimtab that goes on, with the lines it has printed on standard error so far."""

    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)
    _said_all: bool = False
    _news: threading.Condition = field(default_factory=threading.Condition)

    def __post_init__(self) -> None:
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr
        for line in self.process.stderr:
            with self._news:
                self.lines.append(line.rstrip("\n"))
                self._news.notify_all()
        with self._news:
            self._said_all = True
            self._news.notify_all()

    def wait_for(self, text: str, times: int = 1) -> None:
        """Wait until that many lines with a text in them were printed."""

        def seen() -> bool:
            return sum(text in line for line in self.lines) >= times

        with self._news:
            assert self._news.wait_for(lambda: seen() or self._said_all, LONGEST), self.lines
            assert seen(), f"it ended before {text!r} was seen: {self.lines}"

    def wait_a_little(self, seconds: float) -> None:
        """Let so much time pass; it must not end meanwhile."""
        time.sleep(seconds)
        assert self.process.poll() is None, f"it ended by itself: {self.lines}"

    def stop(self, number: signal.Signals) -> Result:
        """Send a signal and wait for the end."""
        assert self.process.poll() is None, f"it ended by itself: {self.lines}"
        self.process.send_signal(number)
        return self.end()

    def end(self) -> Result:
        """Wait for the end."""
        assert self.process.stdout
        out = self.process.stdout.read()
        code = self.process.wait(LONGEST)
        self._reader.join(LONGEST)
        self.process.stdout.close()
        if self.process.stderr:
            self.process.stderr.close()
        return Result(code=code, out=out, err="\n".join(self.lines))


@dataclass(frozen=True, kw_only=True)
class User:
    """A user with an empty home, a toolchain, and a cargo that logs its arguments."""

    folder: Path
    environment: Mapping[str, str]

    @property
    def data(self) -> Path:
        """The folder of the store."""
        return self.folder / "data"

    @property
    def cache(self) -> Path:
        """The folder in which builds happen."""
        return self.folder / "cache"

    @property
    def store(self) -> Path:
        """The store in which studies go unless told otherwise."""
        return self.data / "trimtab" / "trimtab.db"

    @property
    def cargo_log(self) -> Path:
        """One line for each call of cargo."""
        return Path(self.environment["CARGO_LOG"])

    def builds(self) -> list[str]:
        """The calls of ``cargo build`` so far, questions such as the unit graph left out."""
        lines = self.cargo_log.read_text().splitlines() if self.cargo_log.exists() else []
        return [line for line in lines if line.startswith("build ") and "--unit-graph" not in line]

    def project(self, name: str, into: str = "") -> Path:
        """A copy of a project from ``tests/projects``."""
        project = self.folder / (into or name)
        shutil.copytree(PROJECTS / name, project, ignore=shutil.ignore_patterns("target"))
        return project

    def start(
        self, *arguments: str | Path, cwd: Path | None = None, inside: tuple[str, ...] = (), **environment: str
    ) -> Running:
        """Start trimtab, as the last words of another command if need be."""
        process = subprocess.Popen(
            [*inside, sys.executable, "-m", "trimtab", *map(str, arguments)],
            cwd=cwd or self.folder,
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        return Running(process=process)

    def run(
        self, *arguments: str | Path, cwd: Path | None = None, inside: tuple[str, ...] = (), **environment: str
    ) -> Result:
        """Run trimtab to its end."""
        return self.start(*arguments, cwd=cwd, inside=inside, **environment).end()

    def does(
        self, *arguments: str | Path, cwd: Path | None = None, inside: tuple[str, ...] = (), **environment: str
    ) -> Result:
        """Run trimtab, which must succeed."""
        result = self.run(*arguments, cwd=cwd, inside=inside, **environment)
        assert result.code == 0, result
        return result

    def explores(self, *arguments: str | Path, cwd: Path | None = None, **environment: str) -> dict[str, Any]:
        """The study of an exploration that must succeed."""
        return self.does("explore", *arguments, "--json", cwd=cwd, inside=(), **environment).document


def snapshot(project: Path) -> dict[str, tuple[str, int, int]]:
    """Each file and folder of a project with its digest, permissions and time of modification."""
    entries = {}
    for path in (project, *sorted(project.rglob("*"))):
        status = path.lstat()
        content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        entries[str(path.relative_to(project))] = (content, status.st_mode, status.st_mtime_ns)
    return entries


def with_leftovers(project: Path) -> Path:
    """Give a project a ``target`` folder with something in it, as after a build, and an old log."""
    release = project / "target" / "release"
    release.mkdir(parents=True)
    (project / "target" / "CACHEDIR.TAG").write_text("Signature: 8a477f597d28d172789f06886806bc55\n")
    (release / "precious").write_bytes(bytes(range(256)))
    (project / "notes.log").write_text("mine\n")
    return project


def processes_about(folder: Path) -> list[str]:
    """Command lines of processes that have to do with a folder: they name it, work in it or build in it."""
    return list(_processes_about(folder).values())


def pids_about(folder: Path) -> list[int]:
    """Ids of the same processes."""
    return list(_processes_about(folder))


def end(pids: Sequence[int]) -> None:
    """Kill processes of a test."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _processes_about(folder: Path) -> dict[int, str]:
    import psutil

    processes = {}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.pid == os.getpid() or process.status() == psutil.STATUS_ZOMBIE:
                continue
            mentions = [*process.cmdline(), process.cwd(), process.environ().get("TRIMTAB_WORK", "")]
            if any(str(folder) in mention for mention in mentions):
                processes[process.pid] = " ".join(process.cmdline())
    return processes


def control_groups(pids: Sequence[int]) -> list[Path]:
    """Control groups that trimtab made in processes with these ids."""
    root = Path("/sys/fs/cgroup")
    return [folder for pid in pids for folder in root.rglob(f"trimtab-{pid}-*")] if root.exists() else []


def eventually(check: Callable[[], object], seconds: float = 20.0) -> bool:
    """Whether something comes true before long: for what the kernel still has to finish after a kill."""
    until = time.monotonic() + seconds
    while not check():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def by_label(study: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """A study's trials by what they change."""
    return {trial["label"]: trial for trial in study["trials"]}


def scripts() -> Path:
    """The folder in which console scripts are installed."""
    return Path(sysconfig.get_path("scripts"))
