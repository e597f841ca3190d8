"""Provenance: what ties a trial to a checkout, a machine and the moment."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fakes.values import MACHINE, artifact, trial
from trimtab.experiment.provenance import CheckoutProvenance
from trimtab.model.inputs import BuildInputs
from trimtab.model.machine import Timing
from trimtab.model.plan import Bench
from trimtab.model.trial import Artifact, Built, Cost, Invocation
from trimtab.system.content import digest_text, record_input


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "checkout"
    (root / "corpus").mkdir(parents=True)
    (root / "corpus" / "a.txt").write_text("a")
    (root / "settings.toml").write_text("s")
    return root


def provenance(root: Path, **environment: str) -> CheckoutProvenance:
    return CheckoutProvenance(
        root=root,
        home=root,
        paths=(str(root), "/home/ann/.cargo"),
        machine_class=MACHINE.machine_class,
        environment={"LANG": "C", **environment},
    )


def built(path: Path, *flags: str) -> Built:
    kept = Artifact(name=path.name, size=path.stat().st_size, sha256="", path=str(path))
    calls = (Invocation(crate="app", arguments=flags),)
    return Built(artifacts=(kept,), clean=Cost(wall=1, cpu=1), touch=None, invocations=calls)


class TestPaths:
    def test_are_found_in_the_bytes_of_a_program(self, root: Path, tmp_path: Path) -> None:
        program = tmp_path / "app"
        program.write_bytes(b"\x7fELF..." + str(root).encode() + b"/src/main.rs\0")
        assert provenance(root).of_build(built(program)) == ((str(root),), False)

    def test_are_not_found_where_there_are_none(self, root: Path, tmp_path: Path) -> None:
        program = tmp_path / "app"
        program.write_bytes(b"\x7fELF src/main.rs")
        assert provenance(root).of_build(built(program)) == ((), False)
        program.write_bytes(b"")
        assert provenance(root).of_build(built(program)) == ((), False)

    def test_are_found_in_the_compressed_members_of_a_wheel(self, root: Path, tmp_path: Path) -> None:
        wheel = tmp_path / "app-1.0-py3-none-any.whl"
        with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("app.so", b"\x7fELF" + str(root).encode() * 9)
        assert provenance(root).of_build(built(wheel))[0] == (str(root),)

    def test_bind_a_trial_to_where_it_was_built(self, root: Path) -> None:
        assert provenance(root).holds(trial(paths=(str(root),)))
        assert not provenance(root).holds(trial(paths=("/somewhere/else",)))


@pytest.mark.parametrize("flag", ["-Ctarget-cpu=native", "target-cpu=native", "-Ztune-cpu=native"])
def test_a_program_for_the_cpu_at_hand_is_another_one_on_another_cpu(root: Path, flag: str, tmp_path: Path) -> None:
    (tmp_path / "app").write_bytes(b"x")
    _, native = provenance(root).of_build(built(tmp_path / "app", "-C", flag))
    assert native
    assert provenance(root).holds(trial(native=True))
    assert not provenance(root).holds(trial(native=True, timing=Timing(machine=replace(MACHINE, cpu="Other"))))


def test_c_code_for_the_cpu_at_hand_counts_too(root: Path, tmp_path: Path) -> None:
    (tmp_path / "app").write_bytes(b"x")
    assert provenance(root, CFLAGS="-O2 -march=native").of_build(built(tmp_path / "app"))[1]


class TestBuildInputs:
    def test_a_changed_file_or_variable_is_seen(self, root: Path) -> None:
        inputs = BuildInputs(
            files=(record_input("settings.toml", root),), variables=(("GREETING", digest_text("hello")),)
        )
        kept = trial(inputs=inputs)
        assert provenance(root, GREETING="hello").holds(kept)
        assert not provenance(root, GREETING="bye").holds(kept)
        assert not provenance(root).holds(kept)
        (root / "settings.toml").write_text("t")
        assert not provenance(root, GREETING="hello").holds(kept)


BENCHES = {
    "a file": Bench(name="b", command=("{bin}", "settings.toml")),
    "a folder": Bench(name="b", command=("{bin}", "corpus")),
    "a word with an option": Bench(name="b", command=("{bin}", "--config=settings.toml")),
    "a shell's line": Bench(name="b", command=("sh", "-c", "{bin} -v <settings.toml >/dev/null")),
    "a declared pattern": Bench(name="b", command=("{bin}",), inputs=("corpus/**/*.txt",)),
}
CHANGES: dict[str, Callable[[Path], object]] = {
    "settings.toml": lambda root: (root / "settings.toml").write_text("t"),
    "corpus": lambda root: (root / "corpus" / "a.txt").write_text("b"),
}


class TestBenchInputs:
    @pytest.mark.parametrize("bench", BENCHES)
    def test_are_named_or_declared(self, root: Path, bench: str) -> None:
        ours, reads = provenance(root), BENCHES[bench]
        inputs = ours.of_bench(reads)
        assert ours.holds_for(reads, inputs)
        for change in CHANGES.values():
            change(root)
        assert not provenance(root).holds_for(reads, inputs)

    def test_other_files_do_not_matter(self, root: Path) -> None:
        bench = BENCHES["a file"]
        inputs = provenance(root).of_bench(bench)
        CHANGES["corpus"](root)
        assert provenance(root).holds_for(bench, inputs)

    def test_a_new_file_that_a_pattern_matches_is_a_change(self, root: Path) -> None:
        bench = BENCHES["a declared pattern"]
        inputs = provenance(root).of_bench(bench)
        (root / "corpus" / "new.txt").write_text("new")
        assert not provenance(root).holds_for(bench, inputs)

    def test_the_environment_counts_but_for_what_a_terminal_sets(self, root: Path) -> None:
        bench = BENCHES["a file"]
        inputs = provenance(root, THREADS="4", TERM="xterm").of_bench(bench)
        assert provenance(root, THREADS="4", TERM="dumb", COLUMNS="80").holds_for(bench, inputs)
        assert not provenance(root, THREADS="8").holds_for(bench, inputs)

    def test_where_none_were_recorded_a_bench_without_files_is_taken_at_its_word(self, root: Path) -> None:
        assert provenance(root).holds_for(Bench(name="b", command=("{bin}", "--version")), None)
        assert not provenance(root).holds_for(BENCHES["a file"], None)

    @pytest.mark.parametrize("word", ["x" * 5000, "a\0b", "{input}", ""])
    def test_a_word_that_is_no_path_is_none(self, root: Path, word: str) -> None:
        assert provenance(root).of_bench(Bench(name="b", command=("{bin}", word))).files == ()


def test_programs_are_kept_only_byte_by_byte(root: Path, tmp_path: Path) -> None:
    assert not provenance(root).is_kept(trial(artifacts=(artifact(),)))
    assert provenance(root).is_kept(trial(artifacts=()))
