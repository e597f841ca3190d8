"""Wheels, installed and tried."""

from __future__ import annotations

import hashlib
import signal
from pathlib import Path

import pytest

from tests.fakes.runner import FakeRunner, finished
from tests.fakes.wheels import make_wheel
from trimtab.errors import InputError
from trimtab.measure.installed import Installer, modules_in, programs_in
from trimtab.model.trial import Artifact, BuildFailed, Cause
from trimtab.process import Command, Finished
from trimtab.python.environments import Environment

SCRIPT = "[console_scripts]\ntool = app:main\nOther = app:other\n[gui_scripts]\nwindow = app:window\n"
MODULES = {
    "app/_native.cpython-311-x86_64-linux-gnu.so": "",
    "app/__init__.py": "",
    "flat.abi3.so": "",
    "app-0.1.0.data/platlib/app/deep.pyd": "",
    "app.libs/libgomp-a34b3233.so.1": "",
    "app/lib-odd.so": "",
}


def artifact(path: Path) -> Artifact:
    content = path.read_bytes()
    return Artifact(name=path.name, size=len(content), sha256=hashlib.sha256(content).hexdigest(), path=str(path))


@pytest.fixture
def wheel(tmp_path: Path) -> Artifact:
    return artifact(
        make_wheel(tmp_path / "app-0.1.0-py3-none-any.whl", {"native.so": ""}, "[console_scripts]\ntool = a:b\n")
    )


def installer(runner: FakeRunner, folder: Path, program: str = "", smoke: str = "") -> Installer:
    return Installer(
        runner=runner, tools=Environment(folder / "tools"), folder=folder / "environments",
        environment={"PATH": "/usr/bin", "PYTHONPATH": "/mine"}, program=program, smoke=smoke,
    )  # fmt: skip


def working() -> FakeRunner:
    return FakeRunner().on("* -m venv *", finished()).on("* -m pip * install *", finished())


class TestWhatIsIn:
    def test_modules(self, tmp_path: Path) -> None:
        found = modules_in(make_wheel(tmp_path / "a.whl", MODULES))
        assert found == ["app._native", "app.deep", "flat"], "libraries that are merely packed are no modules"

    def test_programs(self, tmp_path: Path) -> None:
        path = make_wheel(tmp_path / "a.whl", {"app-0.1.0.data/scripts/binary": ""}, SCRIPT)
        assert programs_in(path) == ["Other", "binary", "tool"]
        assert programs_in(make_wheel(tmp_path / "b.whl", {})) == []


class TestInstalling:
    def test_each_wheel_has_an_environment_of_its_own_made_once(self, tmp_path: Path, wheel: Artifact) -> None:
        runner = working()
        made = installer(runner, tmp_path)
        with made.words(wheel, copied=False) as one, made.words(wheel, copied=True) as copy:
            assert one["{python}"] != copy["{python}"]
            assert len(one["{python}"]) == len(copy["{python}"])
            assert one["{bin}"] == str(Path(one["{python}"]).with_name("tool"))
        with made.words(wheel, copied=False) as again:
            assert again == one
        assert sum("-m venv" in line for line in runner.lines) == 2
        assert all("PYTHONPATH" not in command.environment for command in runner.commands)

    def test_several_programs_have_one_chosen_or_none(self, tmp_path: Path) -> None:
        several = artifact(make_wheel(tmp_path / "a.whl", {}, SCRIPT))
        with installer(working(), tmp_path).words(several, copied=False) as words:
            assert "{bin}" not in words
        with installer(working(), tmp_path / "b", program="tool").words(several, copied=False) as words:
            assert words["{bin}"].endswith("/tool")

    def test_what_pip_cannot_install(self, tmp_path: Path, wheel: Artifact) -> None:
        said = finished(stderr="Looking\nERROR: app requires nonesuch, which is not to be had\n", exit_code=1)
        runner = FakeRunner().on("* -m venv *", finished()).on("* -m pip * install *", said)
        made = installer(runner, tmp_path)
        with (
            pytest.raises(InputError, match="pip cannot install it: app requires nonesuch"),
            made.words(wheel, copied=False),
        ):
            pass
        found = made.check(wheel)
        assert found
        assert found.cause is Cause.SMOKE


class TestSmokeCheck:
    def check(self, tmp_path: Path, wheel: Artifact, pattern: str, ended: Finished) -> BuildFailed | None:
        runner = working().on(pattern, ended).on("*", finished())
        return installer(runner, tmp_path, smoke="import native; native.check()").check(wheel)

    def test_what_works(self, tmp_path: Path, wheel: Artifact) -> None:
        runner = working().on("*", finished())
        assert installer(runner, tmp_path, smoke="native.check()").check(wheel) is None
        ran = [line.split("/")[-1] for line in runner.lines[2:]]
        assert ran == ["python -c import native", "tool --version", "python -c native.check()"]
        assert all(command.timeout for command in runner.commands[2:]), "nothing may hang"

    @pytest.mark.parametrize(
        ("pattern", "ended", "message"),
        [
            (
                "* import native",
                finished(stderr="Traceback (most recent call last):\nImportError: undefined symbol: x\n", exit_code=1),
                "import native: exit code 1: ImportError: undefined symbol: x",
            ),
            (
                "*check()",
                finished(
                    stderr="panicked at src/lib.rs:1:1:\non purpose\nnote: run with…\n", exit_code=-signal.SIGABRT
                ),
                "the smoke check of trimtab.toml: the interpreter or program is ended by SIGABRT: on purpose",
            ),
            (
                "*tool --version",
                finished(stderr="Traceback (most recent call last):\nNameError: b\n", exit_code=1),
                "tool --version: exit code 1: NameError: b",
            ),
            ("*check()", finished(exit_code=-9, timed_out=True, wall=60.0), "no end after 60 s"),
        ],
    )
    def test_what_does_not(self, tmp_path: Path, wheel: Artifact, pattern: str, ended: Finished, message: str) -> None:
        found = self.check(tmp_path, wheel, pattern, ended)
        assert found
        assert found.cause is Cause.SMOKE
        assert message in found.message

    def test_a_program_need_not_know_an_option(self, tmp_path: Path, wheel: Artifact) -> None:
        usage = finished(stderr="unknown option --version\n", exit_code=2)
        assert self.check(tmp_path, wheel, "*tool --version", usage) is None

    def test_it_is_tried_in_an_empty_folder(self, tmp_path: Path, wheel: Artifact) -> None:
        places: list[list[Path]] = []

        def look(command: Command) -> Finished:
            places.append(list(Path(str(command.cwd)).iterdir()))
            return finished()

        installer(working().on("*", look), tmp_path).check(wheel)
        assert places == [[], []], "or the module's sources would be imported"
