"""Weighing binaries."""

from __future__ import annotations

import gzip
import hashlib
import lzma
from pathlib import Path

import pytest

from tests.fakes.runner import FakeRunner, finished
from trimtab.errors import MissingError
from trimtab.measure.size import SizeProbe, StripTool, find_strip_tool
from trimtab.model.metric import Absent, Measurement
from trimtab.model.trial import Artifact
from trimtab.system.process import Command, Finished

CONTENT = bytes(range(256)) * 20
STRIP = StripTool(program="objcopy", name="objcopy --strip-all", environment={})


def keep(folder: Path, name: str, content: bytes = CONTENT) -> Artifact:
    path = folder / name
    path.write_bytes(content)
    return Artifact(name=name, size=len(content), sha256=hashlib.sha256(content).hexdigest(), path=str(path))


def objcopy(command: Command) -> Finished:
    source, output = map(Path, command.argv[-2:])
    output.write_bytes(source.read_bytes()[:1000])
    return finished()


def weigh(*artifacts: Artifact, runner: FakeRunner | None = None, strip: StripTool | None = STRIP) -> dict[str, object]:
    runner = runner or FakeRunner().on("objcopy *", objcopy)
    found = list(SizeProbe(runner, strip).measure(artifacts, artifacts))
    assert len({one.name for one in found}) == len(found)
    return {one.name: one.value if isinstance(one, Measurement) else one.reason for one in found}


def test_one_binary(tmp_path: Path) -> None:
    assert weigh(keep(tmp_path, "app")) == {
        "size.file": 5120,
        "size.stripped": 1000,
        "size.gzip": len(gzip.compress(CONTENT, 9, mtime=0)),
        "size.xz": len(lzma.compress(CONTENT, preset=6)),
    }


def test_several_binaries_are_weighed_one_by_one_and_as_a_whole(tmp_path: Path) -> None:
    found = weigh(keep(tmp_path, "app"), keep(tmp_path, "tool", b"x" * 3000))
    assert (found["size.file"], found["size.file[app]"], found["size.file[tool]"]) == (8120, 5120, 3000)
    assert found["size.stripped"] == 2000
    assert found["size.xz[tool]"] == len(lzma.compress(b"x" * 3000, preset=6))


def test_without_a_tool_the_stripped_size_is_absent(tmp_path: Path) -> None:
    found = weigh(keep(tmp_path, "app"), strip=None)
    assert found["size.stripped"] == "no objcopy works here; install binutils"
    assert found["size.file"] == 5120


@pytest.mark.parametrize("ending", [finished(exit_code=1), finished()])
def test_a_tool_that_fails_or_writes_nothing_leaves_it_absent(tmp_path: Path, ending: Finished) -> None:
    runner = FakeRunner().on("objcopy * *app *", objcopy).on("objcopy * *tool *", ending)
    found = weigh(keep(tmp_path, "app"), keep(tmp_path, "tool"), runner=runner)
    assert found["size.stripped"] == "objcopy --strip-all failed"
    assert "size.stripped[app]" not in found


def test_every_number_says_how_it_was_measured(tmp_path: Path) -> None:
    artifacts = (keep(tmp_path, "app"),)
    for one in SizeProbe(FakeRunner().on("objcopy *", objcopy), STRIP).measure(artifacts, ()):
        assert not isinstance(one, Absent)
        assert one.unit == "bytes"
        assert one.method


class TestTool:
    def test_the_toolchains_own_comes_first_with_its_libraries(self) -> None:
        runner = FakeRunner().on("*rust-objcopy --version", finished())
        tool = find_strip_tool(runner, Path("/sysroot"), "x86_64-unknown-linux-gnu")
        assert tool is not None
        assert tool.program == "/sysroot/lib/rustlib/x86_64-unknown-linux-gnu/bin/rust-objcopy"
        assert tool.name == "rust-objcopy --strip-all"
        assert tool.environment["LD_LIBRARY_PATH"] == "/sysroot/lib"

    def test_one_that_is_missing_or_broken_is_passed_over(self) -> None:
        runner = FakeRunner().on("*rust-objcopy *", MissingError("cannot run"))
        runner.on("llvm-objcopy *", finished(exit_code=127)).on("objcopy *", finished())
        tool = find_strip_tool(runner, Path("/sysroot"), "host")
        assert tool is not None
        assert tool.program == "objcopy"

    def test_there_may_be_none(self) -> None:
        assert find_strip_tool(FakeRunner().on("*", MissingError("cannot run")), Path("/sysroot"), "host") is None
