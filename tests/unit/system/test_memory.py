"""Peak memory of a process tree, from control groups that are played by plain folders, or by a walk."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from trimtab.system import memory as tree_memory
from trimtab.system.memory import ControlGroup, ProcessWalk, new_name, open_watch

MakeGroup = Callable[[str], Path]

LIMIT_FILES = {
    "memory": ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes"),
    "": ("memory.max", "memory.swap.max"),
}
PAGES = 1000 * os.sysconf("SC_PAGE_SIZE")
SWAPS = "Filename Type Size Used Priority\n"


@pytest.fixture
def make_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeGroup:
    """A folder that plays this process' control group; new groups in it get the files that the kernel would make."""
    monkeypatch.setattr(tree_memory, "_ROOT", tmp_path)

    def make(controller: str) -> Path:
        own = tmp_path / controller / "own"
        own.mkdir(parents=True)
        monkeypatch.setattr(tree_memory, "_own_group", lambda name, _="": own if name == controller else None)
        mkdir = Path.mkdir

        def populate(path: Path, *arguments: object, **options: object) -> None:
            mkdir(path)
            (path / "memory.stat").write_text("anon 1000\nfile 5000\nshmem 24\ntotal_rss 7\ntotal_shmem 3\n")
            (path / "cgroup.procs").write_text("")
            (path / "memory.events").write_text("low 0\noom 0\noom_kill 0\n")
            (path / "memory.oom_control").write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 0\n")
            for name in LIMIT_FILES[controller]:
                (path / name).write_text("max\n")

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


class TestLimitedGroup:
    @pytest.mark.parametrize(("controller", "written"), [("memory", [PAGES, PAGES]), ("", [PAGES, 0])])
    def test_nothing_may_go_to_swap_either(self, make_group: MakeGroup, controller: str, written: list[int]) -> None:
        own = make_group(controller)
        group = ControlGroup.make(PAGES)
        assert group is not None
        (folder,) = own.iterdir()
        assert [int((folder / name).read_text()) for name in LIMIT_FILES[controller]] == written
        group.close()
        assert list(own.iterdir()) == []

    @pytest.mark.parametrize("controller", ["memory", ""])
    def test_a_group_without_limit_has_none(self, make_group: MakeGroup, controller: str) -> None:
        own = make_group(controller)
        group = ControlGroup.make()
        assert group is not None
        (folder,) = own.iterdir()
        assert {(folder / name).read_text() for name in LIMIT_FILES[controller]} == {"max\n"}
        group.close()

    @pytest.mark.parametrize("controller", ["memory", ""])
    @pytest.mark.parametrize(("swaps", "made"), [(SWAPS, True), (SWAPS + "/swap file 1 0 -2\n", False), (None, False)])
    def test_a_kernel_that_does_not_count_swap_will_do_where_there_is_none(
        self, make_group: MakeGroup, controller: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *,
        swaps: str | None, made: bool,
    ) -> None:  # fmt: skip
        own = make_group(controller)
        monkeypatch.setitem(LIMIT_FILES, controller, LIMIT_FILES[controller][:1])
        monkeypatch.setattr(tree_memory, "_PROC", tmp_path)
        if swaps:
            (tmp_path / "swaps").write_text(swaps)
        group = ControlGroup.make(PAGES)
        assert bool(group) is made
        if group:
            group.close()
        assert list(own.iterdir()) == []

    @pytest.mark.parametrize("controller", ["memory", ""])
    @pytest.mark.parametrize("loose", [0, 1])
    def test_a_limit_that_the_kernel_does_not_take_is_none(
        self, make_group: MakeGroup, controller: str, monkeypatch: pytest.MonkeyPatch, loose: int
    ) -> None:
        own = make_group(controller)
        write = Path.write_text

        def write_or_not(path: Path, text: str) -> int:
            refused = path.name == LIMIT_FILES[controller][loose] and text.isdecimal()
            return len(text) if refused else write(path, text)

        monkeypatch.setattr(Path, "write_text", write_or_not)
        assert ControlGroup.make(PAGES) is None
        assert list(own.iterdir()) == []

    def test_a_limit_that_may_not_be_set_is_none(self, make_group: MakeGroup, monkeypatch: pytest.MonkeyPatch) -> None:
        own = make_group("memory")
        write = Path.write_text

        def refuse(path: Path, text: str) -> int:
            if text.isdecimal():
                raise PermissionError(path)
            return write(path, text)

        monkeypatch.setattr(Path, "write_text", refuse)
        assert ControlGroup.make(PAGES) is None
        assert list(own.iterdir()) == []

    @pytest.mark.parametrize(
        ("now", "holds"), [(PAGES, True), (PAGES + 1, False), (PAGES - 1, True), (PAGES // 2, False), ("max", False)]
    )
    def test_the_kernel_counts_in_pages(self, tmp_path: Path, now: int | str, *, holds: bool) -> None:
        (tmp_path / "memory.max").write_text(f"{now}\n")
        (tmp_path / "memory.swap.max").write_text("0\n")
        assert tree_memory._holds(tmp_path, {"memory.max": PAGES, "memory.swap.max": 0}) is holds

    def test_what_cannot_join_does_not_run(self, make_group: MakeGroup) -> None:
        make_group("memory")
        held, free = ControlGroup.make(PAGES), ControlGroup.make()
        assert held is not None
        assert free is not None
        assert held.enter(["cargo"])[2].endswith('&& exec "$@"')
        assert free.enter(["cargo"])[2].endswith('; exec "$@"')
        assert held.enter(["cargo"])[3].endswith("/cgroup.procs")
        held.close()
        free.close()

    def test_kills_are_counted_in_version_1_too(self, make_group: MakeGroup) -> None:
        own = make_group("memory")
        group = ControlGroup.make(PAGES)
        assert group is not None
        assert not group.oom_killed
        (folder,) = own.iterdir()
        (folder / "memory.oom_control").write_text("oom_kill_disable 0\nunder_oom 1\noom_kill 1\n")
        assert group.oom_killed
        group.close()

    def test_the_groups_of_those_who_died_are_swept(self, make_group: MakeGroup) -> None:
        own = make_group("memory")
        ours, foreign = new_name(), f"trimtab-{2**22 + 1}-1-1"
        dead = ours.replace(str(os.getpid()), str(2**22 + 1), 1)
        for name in (ours, foreign, "something-else", dead, f"{dead}.scope"):
            (own / name).mkdir()
        group = ControlGroup.make(PAGES)
        assert group is not None
        group.close()
        assert {folder.name for folder in own.iterdir()} == {ours, foreign, "something-else"}


class PlayedHolder:
    """A process that is in a scope; a number that no process has."""

    def __init__(self) -> None:
        self.pid = 2**22 + 2
        self.ended = False

    def communicate(self) -> None:
        self.ended = True


class TestScope:
    @pytest.fixture
    def scope(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """A folder that plays the group of a scope which systemd has made, and holds below its limit."""
        folder = tmp_path / "trimtab-1-1.scope"
        folder.mkdir()
        (folder / "memory.stat").write_text("anon 1000\nfile 5000\nshmem 24\n")
        (folder / "memory.events").write_text("oom 0\noom_kill 0\n")
        (folder / "cgroup.procs").write_text(f"{2**22 + 2}\n")
        (folder / "memory.max").write_text(f"{PAGES}\n")
        (folder / "memory.swap.max").write_text("0\n")
        monkeypatch.setattr(tree_memory, "_own_group", lambda _, pid: folder if pid == str(2**22 + 2) else None)
        return folder

    def test_is_a_group_like_others(self, scope: Path) -> None:
        holder = PlayedHolder()
        group = ControlGroup.of_scope(holder, scope.name, "--user", PAGES)
        assert group is not None
        assert group.kind == "control group (v2) of systemd"
        assert group.method.startswith(group.kind)
        group.sample(1)
        assert group.peak == 1024
        assert not group.oom_killed
        (scope / "memory.events").write_text("oom 1\noom_kill 1\n")
        assert group.oom_killed
        assert not holder.ended
        shutil.rmtree(scope)  # as systemd does when all have left
        group.close()
        assert holder.ended

    def test_programs_are_brought_there_by_systemd(self, scope: Path) -> None:
        group = ControlGroup.of_scope(PlayedHolder(), scope.name, "--user", PAGES)
        assert group is not None
        shell, option, script, name, *argv = group.enter(["cargo", "build"])
        assert (shell, option, name, argv) == ("/bin/sh", "-c", scope.name, ["cargo", "build"])
        assert script.startswith("busctl --user call org.freedesktop.systemd1 ")
        assert "AttachProcessesToUnit" in script
        assert script.endswith('&& exec "$@"')
        shutil.rmtree(scope)
        group.close()

    def test_its_holder_is_not_killed_with_the_rest(self, scope: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        holder, killed = PlayedHolder(), list[int]()

        def kill(pid: int, _: int) -> None:
            killed.append(pid)
            (scope / "cgroup.procs").write_text(f"{holder.pid}\n")

        monkeypatch.setattr(os, "kill", kill)
        group = ControlGroup.of_scope(holder, scope.name, "--user", PAGES)
        assert group is not None
        (scope / "cgroup.procs").write_text(f"{holder.pid}\n{holder.pid + 1}\n")
        group.kill()
        assert killed == [holder.pid + 1]
        shutil.rmtree(scope)
        group.close()

    @pytest.mark.parametrize(
        ("name", "limit"), [("memory.max", "max"), ("memory.max", "1"), ("memory.swap.max", "max")]
    )
    def test_without_its_limits_it_is_not_used(self, scope: Path, name: str, limit: str) -> None:
        (scope / name).write_text(f"{limit}\n")
        assert ControlGroup.of_scope(PlayedHolder(), scope.name, "--user", PAGES) is None

    def test_where_systemd_made_another_it_is_not_used(self, scope: Path) -> None:
        assert ControlGroup.of_scope(PlayedHolder(), "trimtab-2-2.scope", "--user", PAGES) is None


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
