"""A published crate as a project, and the toolchain that builds it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.cargo import RUSTC
from tests.fakes.runner import FakeRunner, finished
from trimtab.cargo.registry import published_crate
from trimtab.cargo.toolchain import complaint, find_toolchain
from trimtab.errors import InputError, MissingError
from trimtab.system.process import Command, Finished


def vendor(command: Command) -> Finished:
    """What ``cargo vendor --versioned-dirs`` leaves behind, for whatever crate was named."""
    root = Path(str(command.cwd))
    name = (root / "Cargo.toml").read_text().partition("[dependencies]\n")[2].split()[0]
    (root / "Cargo.lock").write_text(
        f'version = 4\n\n[[package]]\nname = "{name}"\nversion = "1.2.3"\n\n'
        '[[package]]\nname = "trimtab-fetch"\nversion = "0.0.0"\n'
    )
    sources = root / "vendored" / f"{name}-1.2.3"
    (sources / "src").mkdir(parents=True)
    for file in ("Cargo.toml", "Cargo.toml.orig", ".cargo_vcs_info.json", "src/main.rs"):
        (sources / file).write_text(file)
    return finished()


def lock(command: Command) -> Finished:
    (Path(str(command.cwd)) / "Cargo.lock").write_text("version = 4\n")
    return finished()


def registry() -> FakeRunner:
    return FakeRunner().on("cargo vendor*", vendor).on("cargo generate-lockfile", lock)


class TestPublished:
    def test_is_a_locked_copy_of_its_own(self, tmp_path: Path) -> None:
        found = published_crate(registry(), "crate:hexyl", tmp_path, {})
        assert found == tmp_path / "hexyl-1.2.3"
        files = {str(path.relative_to(found)) for path in found.rglob("*") if path.is_file()}
        assert files == {"Cargo.toml", "Cargo.lock", "src/main.rs"}

    def test_one_that_is_there_is_used_again(self, tmp_path: Path) -> None:
        runner = registry()
        published_crate(runner, "crate:hexyl", tmp_path, {})
        published_crate(runner, "crate:hexyl@1.2.3", tmp_path, {})
        assert [line.split()[1] for line in runner.lines].count("generate-lockfile") == 1

    def test_a_version_is_exact(self, tmp_path: Path) -> None:
        seen: list[str] = []

        def look(command: Command) -> Finished:
            seen.append((Path(str(command.cwd)) / "Cargo.toml").read_text())
            return vendor(command)

        runner = FakeRunner().on("cargo vendor*", look).on("cargo generate-lockfile", lock)
        published_crate(runner, "crate:hexyl@1.2.3", tmp_path, {})
        assert 'hexyl = "=1.2.3"' in seen[0]

    def test_what_cannot_be_had_is_told_in_cargos_words(self, tmp_path: Path) -> None:
        stderr = "    Updating crates.io index\nerror: no matching package named `hexl` found\n"
        runner = FakeRunner().on("cargo vendor*", finished(stderr=stderr, exit_code=101))
        with pytest.raises(InputError, match="Cargo cannot get crate:hexl: no matching package named `hexl` found"):
            published_crate(runner, "crate:hexl", tmp_path, {})
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize(
        "spec",
        [
            "crate:", "crate:@1.0", "crate:../../x@1", "crate:x@../../y", "crate:x/y@1", "crate:/etc@1", "crate:.x",
            "crate:x@1/../../y", "crate:x@1-a/b", "crate:x@1-..", "crate:x@1+..", "crate:x@.", "crate:x@..", "crate:x@",
            "crate:x@^1", "crate:x@1.*", "crate:x@1.2.3.4", "crate:x@latest", "crate:x y", "crate:x@1 ", "crate:x\n",
            "crate:x@1\n", "crate:x@1\0", 'crate:x"', "crate:x = 1 #", "crate:-x", "crate:\u0445", "crate:x@\u0661",
            "crate:x\\y", "crate:" + "x" * 65, "crate:x@1-" + "a" * 300, "crate:x@1@2",
        ],
    )  # fmt: skip
    def test_nothing_but_a_name_and_a_version_is_taken(self, tmp_path: Path, spec: str) -> None:
        for folder in ("x", "x-1", "etc-1", "y", "x-1-..", "x-.", "x-.."):
            (tmp_path / "crates" / folder).mkdir(parents=True, exist_ok=True)
        with pytest.raises(InputError, match="names no crate") as caught:
            published_crate(FakeRunner(), spec, tmp_path / "crates", {})
        assert len(caught.value.what) < 250

    @pytest.mark.parametrize(
        ("spec", "requirement"),
        [
            ("crate:serde_json", 'serde_json = "*"'),
            ("crate:Inflector@0.11.4", 'Inflector = "=0.11.4"'),
            ("crate:hexyl@1", 'hexyl = "=1"'),
            ("crate:hexyl@1.2", 'hexyl = "=1.2"'),
            ("crate:clap@4.0.0-rc.1", 'clap = "=4.0.0-rc.1"'),
            ("crate:zstd-sys@2.0.16+zstd.1.5.7", 'zstd-sys = "=2.0.16+zstd.1.5.7"'),
        ],
    )
    def test_names_and_versions_as_registries_have_them(self, tmp_path: Path, spec: str, requirement: str) -> None:
        def look(command: Command) -> Finished:
            seen.append((Path(str(command.cwd)) / "Cargo.toml").read_text())
            return finished(exit_code=101)

        seen: list[str] = []
        with pytest.raises(InputError, match="Cargo cannot get"):
            published_crate(FakeRunner().on("cargo vendor*", look), spec, tmp_path, {})
        assert requirement in seen[0].splitlines()


class TestToolchain:
    def test_is_asked_in_the_projects_folder(self) -> None:
        runner = FakeRunner().on("cargo -V", finished("cargo 1.95.0 (f2d3ce0bd 2026-03-21)\n"))
        runner.on("rustc -vV", finished(RUSTC)).on("cc --version", MissingError("cannot run 'cc'"))
        found = find_toolchain(runner, Path("/work"), {})
        assert found.rustc == "rustc 1.95.0 (59807616e)"
        assert (found.host, found.llvm) == ("x86_64-unknown-linux-gnu", "22.1.2")
        assert {command.cwd for command in runner.commands} == {Path("/work")}

    def test_what_is_missing_is_named_with_how_to_get_it(self) -> None:
        with pytest.raises(MissingError, match="there is no cargo on PATH") as caught:
            find_toolchain(FakeRunner().on("cargo*", MissingError("cannot run")), Path(), {})
        assert "rustup.rs" in caught.value.hint

    def test_one_that_does_not_work_is_told_in_its_words(self) -> None:
        stderr = "error: rustup could not choose a version of cargo to run, because no default is configured\nhelp: x\n"
        with pytest.raises(MissingError, match="cargo does not work: rustup could not choose a version"):
            find_toolchain(FakeRunner().on("cargo*", finished(stderr=stderr, exit_code=1)), Path(), {})

    @pytest.mark.parametrize(
        ("stderr", "line"),
        [
            ("    Updating index\nerror: it broke\nmore\n", "it broke"),
            ("something odd\n", "something odd"),
            ("", "exit code 101"),
        ],
    )
    def test_complaints(self, stderr: str, line: str) -> None:
        assert complaint(finished(stderr=stderr, exit_code=101)) == line
