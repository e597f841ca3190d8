"""What holds commands to their limits, where systemd and the kernel are played."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from trimtab.errors import MissingError
from trimtab.system import memory as tree_memory
from trimtab.system import process
from trimtab.system.memory import ControlGroup
from trimtab.system.process import Command, ResourceLimits, limits_enforced_by

HOLDER = 2**22 + 2
"""A number that no process has."""


@dataclass
class PlayedGroup:
    """A group that holds its limit, or was never made."""

    kind: str
    closed: bool = False

    def enter(self, argv: Sequence[str]) -> list[str]:
        return ["join", self.kind, *argv]

    def close(self) -> None:
        self.closed = True


@dataclass
class PlayedSystemd:
    """Starts what holds a scope; the folder that plays the scope's group is there afterwards."""

    root: Path
    limit: str = ""
    """What the group's limit is instead of the one asked for."""
    argvs: list[list[str]] = field(default_factory=list)
    ended: int = 0
    pid: int = HOLDER
    stdout: io.BytesIO = field(default_factory=lambda: io.BytesIO(b"0::/somewhere\n"))

    def __call__(self, argv: list[str], **_: object) -> PlayedSystemd:
        self.argvs.append(argv)
        told = dict(word.removeprefix("--").partition("=")[::2] for word in argv if word.startswith("--unit="))
        limits = dict(word.removeprefix("--property=").split("=") for word in argv if word.startswith("--property="))
        folder = self.root / told["unit"]
        folder.mkdir()
        (folder / "memory.stat").write_text("anon 1\nshmem 1\n")
        (folder / "cgroup.procs").write_text("")
        (folder / "memory.max").write_text(self.limit or limits["MemoryMax"])
        (folder / "memory.swap.max").write_text(limits["MemorySwapMax"])
        return self

    def communicate(self) -> None:
        self.ended += 1
        for folder in self.root.iterdir():
            for file in folder.iterdir():
                file.unlink()
            folder.rmdir()


@pytest.fixture(autouse=True)
def _anew() -> Iterator[None]:
    process._limiter.cache_clear()
    yield
    process._limiter.cache_clear()


@pytest.fixture
def makes(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[PlayedGroup]]:
    """Has groups made by hand and by systemd, where these are allowed, and joined where that is."""

    def play(*, by_hand: bool, by_systemd: bool, joined: Sequence[str], cpus: str = "1") -> list[PlayedGroup]:
        made: list[PlayedGroup] = []

        def maker(kind: str, *, allowed: bool) -> Callable[[int], PlayedGroup | None]:
            def make(_: int) -> PlayedGroup | None:
                if not allowed:
                    return None
                made.append(PlayedGroup(kind))
                return made[-1]

            return make

        def run(argv: list[str], **_: object) -> subprocess.CompletedProcess[bytes]:
            told = f"Name:\tcat\nCpus_allowed_list:\t{cpus}\n" if argv[1] in joined else ""
            return subprocess.CompletedProcess(argv, int(not told), told.encode())

        monkeypatch.setattr(ControlGroup, "make", maker("by hand", allowed=by_hand))
        monkeypatch.setattr(process, "_make_scope", maker("by systemd", allowed=by_systemd))
        monkeypatch.setattr(process, "_few_cpus", lambda _: contextlib.nullcontext())
        monkeypatch.setattr(subprocess, "run", run)
        return made

    return play


@pytest.mark.parametrize(
    ("by_hand", "by_systemd", "joined", "found"),
    [
        (True, True, ("by hand", "by systemd"), "by hand"),
        (True, True, ("by systemd",), "by systemd"),
        (False, True, ("by systemd",), "by systemd"),
        (True, True, (), ""),
        (False, False, (), ""),
    ],
)
def test_the_first_that_can_be_made_and_joined(
    makes: Callable[..., list[PlayedGroup]], *, by_hand: bool, by_systemd: bool, joined: tuple[str, ...], found: str
) -> None:
    made = makes(by_hand=by_hand, by_systemd=by_systemd, joined=joined)
    assert limits_enforced_by() == found
    assert all(group.closed for group in made)
    tried = len(made)
    assert limits_enforced_by() == found
    assert len(made) == tried, "once is enough"


def test_a_group_that_gives_other_cpus_is_none(makes: Callable[..., list[PlayedGroup]]) -> None:
    makes(by_hand=True, by_systemd=False, joined=("by hand",), cpus="0-1")
    assert limits_enforced_by() == ""


def test_without_anything_that_holds_it_a_limited_command_is_not_run(
    makes: Callable[..., list[PlayedGroup]],
) -> None:
    makes(by_hand=False, by_systemd=False, joined=())
    command = Command(argv=("cargo", "build"), limits=ResourceLimits(memory=2 << 30))
    with pytest.raises(MissingError, match=r"below 2\.00 GiB of memory") as caught, process._watch(command):
        pass
    assert "systemd-run" in caught.value.hint


def test_a_limited_command_is_watched_by_the_group_that_holds_it(makes: Callable[..., list[PlayedGroup]]) -> None:
    made = makes(by_hand=True, by_systemd=False, joined=("by hand",))
    with process._watch(Command(argv=("cargo", "build"), limits=ResourceLimits(memory=2 << 30))) as watch:
        assert watch is made[-1]  # type: ignore[comparison-overlap]
        assert not made[-1].closed
    assert made[-1].closed
    with process._watch(Command(argv=("cargo", "build"), limits=ResourceLimits(cpus=1))) as watch:
        assert watch is None


def test_other_systems_have_no_affinity(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_setaffinity", raising=False)
    with pytest.raises(MissingError, match="CPUs"), process._few_cpus(1):
        pass


class TestScope:
    @pytest.fixture
    def systemd(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PlayedSystemd:
        played = PlayedSystemd(tmp_path)
        monkeypatch.setattr(subprocess, "Popen", played)

        def own_group(_: str, pid: str = "") -> Path | None:
            return next(tmp_path.iterdir(), None) if pid == str(HOLDER) else None

        monkeypatch.setattr(tree_memory, "_own_group", own_group)
        return played

    @pytest.mark.parametrize(("user", "manager"), [(0, "--system"), (1000, "--user")])
    def test_is_asked_for_with_limits_of_memory_and_swap(
        self, systemd: PlayedSystemd, monkeypatch: pytest.MonkeyPatch, user: int, manager: str
    ) -> None:
        monkeypatch.setattr(os, "geteuid", lambda: user)
        group = process._make_scope(1 << 30)
        assert group is not None
        (argv,) = systemd.argvs
        assert argv[:3] == ["systemd-run", manager, "--scope"]
        assert {"--property=MemoryMax=1073741824", "--property=MemorySwapMax=0"} < set(argv)
        assert "--property=Delegate=memory" in argv
        assert f"busctl {manager} " in group.enter(["cargo"])[2]
        assert not systemd.ended
        group.close()
        assert systemd.ended

    def test_that_does_not_hold_the_limit_is_ended(self, systemd: PlayedSystemd) -> None:
        systemd.limit = "max"
        assert process._make_scope(1 << 30) is None
        assert systemd.ended

    def test_there_is_none_without_systemd(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def missing(argv: list[str], **_: object) -> None:
            raise FileNotFoundError(argv[0])

        monkeypatch.setattr(subprocess, "Popen", missing)
        assert process._make_scope(1 << 30) is None
