"""What every probe keeps to."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fakes.parts import FakeProbe
from tests.fakes.runner import FakeRunner, callgrind, finished
from tests.fakes.values import CHECK
from trimtab.builders.work_folder import ArtifactStore
from trimtab.measure.probe import Probe
from trimtab.measure.runtime import InstructionProbe, RunContext, RunProbe
from trimtab.measure.size import SizeProbe, StripTool
from trimtab.model.metric import Absent, Measurement
from trimtab.model.plan import STARTUP_BENCH
from trimtab.model.trial import Artifact
from trimtab.system.process import Command, Finished

BENCHES = (CHECK, STARTUP_BENCH)
UNITS = {"s", "bytes", "instructions", "cycles", "ratio", "cores"}


def play(command: Command) -> Finished:
    """objcopy halves, callgrind counts, and a program takes a millisecond per byte; the crashing one crashes."""
    if command.argv[0] == "objcopy":
        source, output = map(Path, command.argv[-2:])
        output.write_bytes(source.read_bytes()[: source.stat().st_size // 2])
        return finished()
    program = next(Path(word) for word in command.argv if word.endswith("app"))
    if program.read_text().startswith("crash"):
        return finished(exit_code=-11)
    if "--tool=callgrind" in command.argv:
        return callgrind(command, 12345)
    wall = program.stat().st_size / 1000
    return finished(wall=wall, cpu=wall)


def surroundings() -> RunContext:
    return RunContext(runner=FakeRunner().on("*", play), cwd=Path("/work"), environment={}, timeout=60)


def size_probe() -> Probe:
    return SizeProbe(FakeRunner().on("*", play), StripTool(program="objcopy", name="objcopy", environment={}))


MAKERS: dict[str, Callable[[], Probe]] = {
    "size": size_probe,
    "run": lambda: RunProbe(surroundings(), BENCHES, 4.0),
    "instructions": lambda: InstructionProbe(surroundings(), BENCHES),
    "fake": lambda: FakeProbe(benches=BENCHES),
}
CONTENTS = {"today": "today's binary", "smaller": "smaller", "same as today": "today's binary", "crashing": "crash"}


@pytest.fixture(params=MAKERS)
def probe(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Probe:
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    return MAKERS[request.param]()


@pytest.fixture
def kept(tmp_path: Path) -> dict[str, tuple[Artifact, ...]]:
    store, made = ArtifactStore(tmp_path / "kept"), tmp_path / "app"
    found: dict[str, tuple[Artifact, ...]] = {}
    for name, content in CONTENTS.items():
        made.write_text(content)
        found[name] = (store.keep("app", made),)
    return found


class TestProbe:
    @pytest.mark.parametrize("head", CONTENTS)
    def test_gives_numbers_or_reasons_under_names_of_their_own(
        self, probe: Probe, kept: dict[str, tuple[Artifact, ...]], head: str
    ) -> None:
        baseline = () if head == "today" else kept["today"]
        found = list(probe.measure(kept[head], baseline))
        assert found
        assert len({one.name for one in found}) == len(found)
        for one in found:
            if isinstance(one, Absent):
                assert one.reason
                continue
            assert isinstance(one, Measurement)
            assert one.unit in UNITS
            assert one.method
            assert one.value > 0
            assert (one.low is None) == (one.high is None)
            if one.low is not None and one.high is not None:
                assert one.low <= one.value <= one.high

    def test_leaves_the_binaries_alone(self, probe: Probe, kept: dict[str, tuple[Artifact, ...]]) -> None:
        list(probe.measure(kept["smaller"], kept["today"]))
        assert Path(kept["smaller"][0].path).read_text() == "smaller"
        assert Path(kept["today"][0].path).read_text() == "today's binary"
        folder = Path(kept["today"][0].path).parent.parent
        assert sorted(path.name for path in folder.glob("*/*")) == ["app"] * 3

    def test_measures_the_same_alike_again(self, probe: Probe, kept: dict[str, tuple[Artifact, ...]]) -> None:
        """But for the order of runs, which is drawn anew so that no luck of it is repeated."""
        first, second = (list(probe.measure(kept["smaller"], kept["today"])) for _ in range(2))
        assert [(one.name, getattr(one, "value", None)) for one in first] == [
            (one.name, getattr(one, "value", None)) for one in second
        ]
