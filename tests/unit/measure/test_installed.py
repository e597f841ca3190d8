"""Wheels, installed and tried."""

from __future__ import annotations

import contextlib
import hashlib
import io
import re
import signal
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fakes.runner import FakeRunner, finished
from tests.fakes.wheels import make_wheel
from trimtab.commands.bench.run import wheels_plan
from trimtab.errors import InputError
from trimtab.measure.installed import Installer, modules_in, programs_in
from trimtab.model.trial import Artifact, BuildFailed, Cause
from trimtab.pyproject.environments import Environment
from trimtab.system.process import Command, Finished

SCRIPT = "[console_scripts]\ntool = app:main\nOther = app:other\n[gui_scripts]\nwindow = app:window\n"
MODULES = {
    "app/_native.cpython-311-x86_64-linux-gnu.so": "\0PyInit__native\0",
    "app/__init__.py": "",
    "flat.abi3.so": "\0PyInit_flat\0",
    "app-0.1.0.data/platlib/app/deep.pyd": "\0PyInit_deep\0",
    "app.libs/libgomp-a34b3233.so.1": "",
    "app/lib-odd.so": "",
}


def artifact(path: Path) -> Artifact:
    content = path.read_bytes()
    return Artifact(name=path.name, size=len(content), sha256=hashlib.sha256(content).hexdigest(), path=str(path))


@pytest.fixture
def wheel(tmp_path: Path) -> Artifact:
    return artifact(
        make_wheel(
            tmp_path / "app-0.1.0-py3-none-any.whl",
            {"native.so": "\0PyInit_native\0"},
            "[console_scripts]\ntool = a:b\n",
        )
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

    def test_a_library_that_is_no_module_is_loaded_by_the_package_around_it(self, tmp_path: Path) -> None:
        members = {
            "bound/__init__.py": "",
            "bound/libbound.so": "\0ffi_bound\0",
            "app-0.1.0.data/purelib/placed/__init__.py": "",
            "app-0.1.0.data/platlib/placed/native.so": "\0PyInit_native_too\0",
            "loose/native.so": "",
            "flat.so": "",
        }
        assert modules_in(make_wheel(tmp_path / "a.whl", members)) == ["bound", "placed"]

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

    def test_of_several_programs_that_of_the_wheels_own_name_is_meant(self, tmp_path: Path) -> None:
        scripts = "[console_scripts]\nmy-tool = app:main\nmy-tool-helper = app:main\n"
        several = artifact(make_wheel(tmp_path / "My_Tool-1.0-py3-none-any.whl", {}, scripts))
        with installer(working(), tmp_path).words(several, copied=False) as words:
            assert words["{bin}"].endswith("/my-tool")

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
        assert found.cause is Cause.INSTALL, "the network may be there the next time"
        assert "nonesuch" in found.message
        both = {"base": Path(wheel.path), "head": Path(wheel.path)}
        with (
            pytest.raises(InputError, match="base: pip cannot install it") as raised,
            wheels_plan(both, [], made, tmp_path),
        ):
            pass
        assert raised.value.where == "app-0.1.0-py3-none-any.whl"


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
        ],
    )
    def test_what_does_not(self, tmp_path: Path, wheel: Artifact, pattern: str, ended: Finished, message: str) -> None:
        found = self.check(tmp_path, wheel, pattern, ended)
        assert found
        assert found.cause is Cause.SMOKE
        assert message in found.message

    def test_what_has_no_end_may_have_one_the_next_time(self, tmp_path: Path, wheel: Artifact) -> None:
        found = self.check(tmp_path, wheel, "*check()", finished(exit_code=-9, timed_out=True, wall=60.0))
        assert found
        assert found.cause is Cause.INSTALL
        assert "no end after 60 s" in found.message

    def test_a_panic_prints_no_backtrace(self, tmp_path: Path, wheel: Artifact) -> None:
        runner = working().on("*", finished())
        made = installer(runner, tmp_path)
        replace(made, environment={**made.environment, "RUST_BACKTRACE": "1", "RUST_LIB_BACKTRACE": "1"}).check(wheel)
        ran = [command.environment for command in runner.commands[2:]]
        assert {(one["RUST_BACKTRACE"], one["RUST_LIB_BACKTRACE"]) for one in ran} == {("0", "0")}

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


class TestOwnModules:
    """A wheel with a module in a package within a namespace, and folders in which benches are run."""

    @pytest.fixture
    def wheel(self, tmp_path: Path) -> Artifact:
        members = {"space/app/__init__.py": "raise SystemExit", "space/app/native.so": "\0PyInit_native\0"}
        return artifact(make_wheel(tmp_path / "app-0.1.0-py3-none-any.whl", members))

    def require(self, tmp_path: Path, wheel: Artifact, files: tuple[str, ...], version: tuple[int, int]) -> None:
        """Have a Python of a version look that has the wheel installed, played by this one."""
        cwd, place = tmp_path / "cwd", tmp_path / "environments" / "0000"
        packages = place / "site-packages"
        with zipfile.ZipFile(wheel.path) as archive:
            archive.extractall(packages)
        for name in ("any", *files):
            (cwd / name).parent.mkdir(parents=True, exist_ok=True)
            (cwd / name).touch()

        def play(command: Command) -> Finished:
            assert command.argv[:2] == (str(place / "bin" / "python"), "-c")
            safe = version >= (3, 11) and command.environment.get("PYTHONSAFEPATH")
            path = [*([] if safe else [""]), *filter(None, [command.environment.get("PYTHONPATH")]), str(packages)]
            with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(io.StringIO()) as said:
                patch.chdir(str(command.cwd))
                patch.setattr(sys, "path", path)
                patch.setattr(sys, "prefix", str(place))
                patch.setattr(sys, "argv", ["-c", *command.argv[3:]])
                exec(command.argv[2], {})
            return finished(said.getvalue())

        made = installer(working().on("*", play), tmp_path)
        replace(made, environment={"PYTHONPATH": str(cwd / "lib")}).require_own_modules(wheel, cwd)

    @pytest.mark.parametrize(
        ("files", "place"),
        [
            (("space/app/__init__.py", "space/app/native.so"), "space/app/native.so"),
            (("space/__init__.py", "space/app/__init__.py"), "space/app/__init__.py"),
            (("space.py",), "space.py"),
        ],
    )
    def test_what_lies_in_the_way(self, tmp_path: Path, wheel: Artifact, files: tuple[str, ...], place: str) -> None:
        said = (
            f"benches would not run the wheel: `import space.app.native` finds {(tmp_path / 'cwd').resolve() / place}"
        )
        with pytest.raises(InputError, match=re.escape(said)):
            self.require(tmp_path, wheel, files, (3, 10))

    @pytest.mark.parametrize(
        ("files", "version"),
        [
            ((), (3, 10)),
            (("Cargo.toml", "space/app/src/lib.rs", "native/src/lib.rs"), (3, 10)),
            (("lib/space/app/__init__.py", "lib/space/app/native.so"), (3, 10)),
            (("space/app/__init__.py", "space/app/native.so"), (3, 11)),
        ],
    )
    def test_what_does_not(
        self, tmp_path: Path, wheel: Artifact, files: tuple[str, ...], version: tuple[int, int]
    ) -> None:
        self.require(tmp_path, wheel, files, version)
