"""Peak memory of a process tree, from control groups that are played by plain folders, or by a walk."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from trimtab import tree_memory
from trimtab.tree_memory import ControlGroup, ProcessWalk, open_watch

MakeGroup = Callable[[str], Path]


@pytest.fixture
def make_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeGroup:
    """A folder that plays this process' control group; new groups in it get the files that the kernel would make."""
    monkeypatch.setattr(tree_memory, "_ROOT", tmp_path)

    def make(controller: str) -> Path:
        own = tmp_path / controller / "own"
        own.mkdir(parents=True)
        monkeypatch.setattr(tree_memory, "_own_group", lambda name: own if name == controller else None)
        mkdir = Path.mkdir

        def populate(path: Path, *arguments: object, **options: object) -> None:
            mkdir(path)
            (path / "memory.stat").write_text("anon 1000\nfile 5000\nshmem 24\ntotal_rss 7\ntotal_shmem 3\n")
            (path / "cgroup.procs").write_text("")
            (path / "memory.events").write_text("low 0\noom 0\noom_kill 0\n")

        monkeypatch.setattr(Path, "mkdir", populate)
        monkeypatch.setattr(Path, "rmdir", shutil.rmtree)
        return own

    return make


class TestControlGroup:
    @pytest.mark.parametrize(("controller", "version", "total"), [("", 2, 1024), ("memory", 1, 10)])
    def test_sums_what_the_kernel_cannot_take_back(
        self, make_group: MakeGroup, controller: str, version: int, total: int
    ) -> None:
        own = make_group(controller)
        watch = ControlGroup.make()
        assert watch is not None
        assert f"control group (v{version})" in watch.method
        assert watch.peak is None
        assert watch.sample(1) > 0
        assert watch.peak == total
        watch.close()
        assert list(own.iterdir()) == []

    def test_keeps_the_highest_sum(self, make_group: MakeGroup) -> None:
        own = make_group("")
        watch = ControlGroup.make()
        assert watch is not None
        (group,) = own.iterdir()
        for anonymous in (100, 900, 300):
            (group / "memory.stat").write_text(f"anon {anonymous}\nshmem 0\n")
            watch.sample(1)
        assert watch.peak == 900
        watch.close()

    @pytest.mark.parametrize(("kills", "killed"), [("0", False), ("2", True)])
    def test_knows_of_kills_for_want_of_memory(self, make_group: MakeGroup, kills: str, *, killed: bool) -> None:
        own = make_group("")
        watch = ControlGroup.make()
        assert watch is not None
        (group,) = own.iterdir()
        (group / "memory.events").write_text(f"oom 5\noom_kill {kills}\noom_group_kill 7\n")
        assert watch.oom_killed is killed
        watch.close()

    def test_a_program_enters_it_before_it_begins(self, make_group: MakeGroup) -> None:
        make_group("")
        watch = ControlGroup.make()
        assert watch is not None
        line = watch.enter(["cargo", "build"])
        assert line[:2] == ["/bin/sh", "-c"]
        assert line[-2:] == ["cargo", "build"]
        watch.close()

    def test_where_none_can_be_made_the_tree_is_walked(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(tree_memory, "_own_group", lambda _: None)
        assert isinstance(open_watch(), ProcessWalk)


class TestWalk:
    def test_sees_this_process(self) -> None:
        watch = ProcessWalk()
        assert watch.peak is None
        assert watch.sample(os.getpid()) >= 0.02
        assert watch.peak is not None
        assert 1_000_000 < watch.peak < 4_000_000_000
        assert "process walk" in watch.method
        assert watch.enter(["cargo"]) == ["cargo"]
        assert not watch.oom_killed
        watch.kill()
        watch.close()

    def test_a_process_that_is_gone_counts_nothing(self) -> None:
        watch = ProcessWalk()
        watch.sample(2**22 + 1)
        assert not watch.peak


def test_the_own_group_is_a_folder_or_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tree_memory, "_ROOT", tmp_path)
    assert tree_memory._own_group("no such controller") is None
    (tmp_path / "memory").mkdir()
    found = tree_memory._own_group("memory")
    assert found is None or found.is_relative_to(tmp_path)
