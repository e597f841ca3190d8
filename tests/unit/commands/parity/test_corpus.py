"""The inputs of a check."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fakes.runner import FakeRunner, finished
from tests.unit.artifact.test_pypi import OWN
from trimtab.artifact.archives.unpack import extract
from trimtab.commands.parity.corpus import Corpus
from trimtab.errors import InputError
from trimtab.model.parity_check import ParityCheck
from trimtab.system.process import Command, Finished

COMMAND = ("{bin}", "check", "{input}")


def check(**rest: object) -> ParityCheck:
    return ParityCheck(name="lint", command=COMMAND, **rest)  # type: ignore[arg-type]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with files and projects."""
    folder = tmp_path / "project"
    for name in ("corpus/requests/api.py", "corpus/requests/a/b.py", "corpus/flask/app.py", "corpus/top.py", "-x.py"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    (folder / "corpus" / "readme.md").touch()
    return folder


@pytest.fixture
def make_corpus(root: Path, tmp_path: Path) -> Callable[..., Corpus]:
    def make(runner: FakeRunner | None = None) -> Corpus:
        return Corpus(root=root, cache=tmp_path / "cache", runner=runner or FakeRunner(), environment={})

    return make


class TestFiles:
    def test_each_file_is_an_input_of_the_folder_it_lies_in(self, make_corpus: Callable[..., Corpus]) -> None:
        found = make_corpus().inputs(check(inputs="corpus/**/*.py"))
        assert [(one.name, one.project, one.path) for one in found] == [
            ("corpus/flask/app.py", "flask", "corpus/flask/app.py"),
            ("corpus/requests/a/b.py", "requests", "corpus/requests/a/b.py"),
            ("corpus/requests/api.py", "requests", "corpus/requests/api.py"),
            ("corpus/top.py", "corpus", "corpus/top.py"),
        ]

    def test_a_name_is_not_taken_for_an_option_nor_leads_out(
        self, make_corpus: Callable[..., Corpus], root: Path
    ) -> None:
        (one,) = make_corpus().inputs(check(inputs="*.py"))
        assert one.path == "./-x.py"
        (root.parent / "beside.py").touch()
        (other,) = make_corpus().inputs(check(inputs="../*.py"))
        assert other.path == "beside.py"
        (third,) = make_corpus().inputs(check(inputs=f"{root.parent}/*.py"))
        assert third.path == "beside.py"

    def test_a_circle_of_links_is_no_danger(self, make_corpus: Callable[..., Corpus], root: Path) -> None:
        (root / "corpus" / "again").symlink_to(root / "corpus")
        os.mkfifo(root / "corpus" / "pipe.py")
        assert len(make_corpus().inputs(check(inputs="corpus/**/*.py"))) == 4

    def test_without_inputs_a_check_is_run_once(self, make_corpus: Callable[..., Corpus]) -> None:
        (one,) = make_corpus().inputs(ParityCheck(name="help", command=("{bin}", "--help")))
        assert (one.name, one.source) == ("help", None)

    def test_files_beside(self, make_corpus: Callable[..., Corpus], root: Path) -> None:
        assert make_corpus().beside(check(files=("corpus/top.py",))) == {"corpus/top.py": root / "corpus/top.py"}
        with pytest.raises(InputError, match="is not there"):
            make_corpus().beside(check(files=("gone.toml",)))

    @pytest.mark.parametrize("pattern", ["gone/*.py", "corpus/**x/*.py", "/"])
    def test_nothing_matches(self, make_corpus: Callable[..., Corpus], pattern: str) -> None:
        with pytest.raises(InputError, match=r"nothing matches|cannot be used"):
            make_corpus().inputs(check(inputs=pattern))

    def test_names_are_unique_even_where_they_look_alike(self, make_corpus: Callable[..., Corpus], root: Path) -> None:
        (root / "odd").mkdir()
        for name in ("a\n.txt", "a\\n.txt"):
            (root / "odd" / name).touch()
        found = make_corpus().inputs(check(inputs="odd/*"))
        assert [one.name for one in found] == ["odd/a\\n.txt", "odd/a\\n.txt#2"]


class TestProjects:
    def test_each_folder_is_an_input(self, make_corpus: Callable[..., Corpus], root: Path) -> None:
        found = make_corpus().inputs(check(projects="corpus"))
        assert [(one.name, one.source, one.path) for one in found] == [
            ("flask", root / "corpus" / "flask", "flask"),
            ("requests", root / "corpus" / "requests", "requests"),
        ]

    def test_with_a_glob_each_of_their_files_is(self, make_corpus: Callable[..., Corpus]) -> None:
        found = make_corpus().inputs(check(projects="corpus", inputs="*.py"))
        assert [(one.name, one.project, one.path) for one in found] == [
            ("flask/app.py", "flask", "flask/app.py"),
            ("requests/api.py", "requests", "requests/api.py"),
        ]

    @pytest.mark.parametrize("pattern", ["../*.py", "../../*.txt", "a/../../*.py", "/etc/*", "**/../*.py"])
    def test_a_glob_stays_in_its_project(self, make_corpus: Callable[..., Corpus], root: Path, pattern: str) -> None:
        (root / "outside.txt").touch()
        for where in ({"projects": "corpus"}, {"fetch": ("pypi:tiny==1.0",)}):  # before anything is fetched
            with pytest.raises(InputError, match="leads out of the projects"):
                make_corpus().inputs(check(inputs=pattern, **where))

    @pytest.mark.parametrize("folder", ["gone", "corpus/flask", "corpus/top.py"])
    def test_no_projects(self, make_corpus: Callable[..., Corpus], folder: str) -> None:
        with pytest.raises(InputError, match="finds no projects"):
            make_corpus().inputs(check(projects=folder))


def wheel(**members: str) -> Callable[[Command], Finished]:
    """A pip that finds a wheel with these files."""

    def download(command: Command) -> Finished:
        place = Path(command.argv[command.argv.index("--dest") + 1]) / "tiny-1.0-py3-none-any.whl"
        with zipfile.ZipFile(place, "w") as archive:
            for name, text in members.items():
                archive.writestr(name, text)
        return finished()

    return download


class TestFetching:
    def test_a_wheel_is_unpacked_once(self, make_corpus: Callable[..., Corpus]) -> None:
        files = {"tiny/a.py": "a", "tiny/b.txt": "b", "tiny-1.0.dist-info/WHEEL": ""}
        corpus = make_corpus(FakeRunner().on(OWN, wheel(**files)))
        for _ in range(2):
            (one,) = corpus.inputs(check(fetch=("pypi:tiny==1.0",), inputs="**/*.py"))
            assert (one.name, one.project, one.path) == (
                "pypi:tiny==1.0/tiny/a.py",
                "pypi:tiny==1.0",
                "tiny-1.0/tiny/a.py",
            )
            assert one.source
            assert one.source.read_text() == "a"
        assert isinstance(corpus.runner, FakeRunner)
        assert len(corpus.runner.commands) == 1
        (whole,) = corpus.inputs(check(fetch=("pypi:tiny==1.0",)))
        assert whole.source
        assert {path.name for path in whole.source.iterdir()} == {"tiny", "tiny-1.0.dist-info"}

    def test_what_is_named_twice_is_one(self, make_corpus: Callable[..., Corpus]) -> None:
        corpus = make_corpus(FakeRunner().on(OWN, wheel(**{"tiny/a.py": "a"})))
        found = corpus.inputs(check(fetch=("pypi:tiny==1.0", "pypi:tiny==1.0")))
        assert [one.name for one in found] == ["pypi:tiny==1.0"]

    def test_what_is_neither_cannot_be_fetched(self, make_corpus: Callable[..., Corpus]) -> None:
        with pytest.raises(InputError, match="cannot be fetched"):
            make_corpus().inputs(check(fetch=("npm:left-pad",)))

    @pytest.mark.parametrize("name", ["../out", "/etc/out", "a/../../out", "a\\..\\out"])
    def test_no_member_leads_out_of_the_folder(self, tmp_path: Path, name: str) -> None:
        with zipfile.ZipFile(tmp_path / "bad.whl", "w") as archive:
            archive.writestr("fine", "x")
            archive.writestr(name, "x")
        folder = tmp_path / "a" / "b"
        folder.mkdir(parents=True)
        with pytest.raises(InputError, match="is no name for a file below a folder"):
            extract(tmp_path / "bad.whl", folder)
        assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["bad.whl", "fine"]

    def test_links_are_left_out(self, tmp_path: Path) -> None:
        link = zipfile.ZipInfo("link")
        link.external_attr = 0o120777 << 16
        with zipfile.ZipFile(tmp_path / "links.whl", "w") as archive:
            archive.writestr(link, "/etc/passwd")
            archive.writestr("link/inside", "x")
        (tmp_path / "out").mkdir()
        extract(tmp_path / "links.whl", tmp_path / "out")
        assert (tmp_path / "out" / "link" / "inside").read_text() == "x"

    def test_a_bomb_is_refused(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("trimtab.artifact.archives.packed.FREE_BYTES", 2 << 20)
        with zipfile.ZipFile(tmp_path / "bomb.whl", "w", zipfile.ZIP_DEFLATED) as archive:
            for number in range(3):
                archive.writestr(str(number), bytes(1 << 20))
        (tmp_path / "out").mkdir()
        with pytest.raises(InputError, match="would come out of it"):
            extract(tmp_path / "bomb.whl", tmp_path / "out")
