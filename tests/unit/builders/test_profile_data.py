"""Merging counters with whichever ``llvm-profdata`` can read them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.fakes.runner import FakeRunner
from trimtab.builders.profile_data import ProfileTools, find_profile_tools, plain_symbol
from trimtab.errors import InputError, MissingError
from trimtab.system.process import Command, Finished

OLD = "error: raw/1.profraw: unsupported instrumentation profile format version\nPerhaps your tool is too old\n"
NEW = (  # as llvm-profdata 19 has it of counters of LLVM 23
    "warning: raw/1.profraw: raw profile version mismatch: Profile uses raw profile format version = 11; "
    "expected version = 10\nPLEASE update this tool to version in the raw profile, or regenerate raw profile with "
    "expected version.\nerror: no profile can be merged\n"
)


def ended(code: int = 0, out: str = "", err: str = "") -> Finished:
    return Finished(exit_code=code, wall=0.1, cpu=0.1, stdout=out, stderr=err)


def merging(command: Command, err: str = "") -> Finished:
    """Write the merged file, as ``llvm-profdata merge --output FILE`` does."""
    Path(command.argv[command.argv.index("--output") + 1]).write_text("merged")
    return ended(err=err)


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    folder = tmp_path / "raw"
    folder.mkdir()
    (folder / "1.profraw").write_text("counters")
    return folder


def tools(runner: FakeRunner, *programs: str) -> ProfileTools:
    return ProfileTools(runner=runner, programs=programs, environment={})


def test_the_next_one_is_tried_where_one_is_too_old(raw: Path, tmp_path: Path) -> None:
    runner = FakeRunner().on("old merge*", ended(1, err=OLD)).on("new merge*", merging)
    notes, cost = tools(runner, "old", "new").merge(raw, tmp_path / "merged")
    assert (notes, cost.cpu) == ((), 0.1)
    assert [line.split()[0] for line in runner.lines] == ["old", "new"]


@pytest.mark.parametrize(
    ("complaint", "why"),
    [
        (OLD, "raw/1.profraw: unsupported instrumentation profile format version"),
        (NEW, "raw/1.profraw: raw profile version mismatch: Profile uses raw profile format version = 11"),
    ],
)
def test_none_that_reads_this_version(raw: Path, tmp_path: Path, complaint: str, why: str) -> None:
    runner = FakeRunner().on("old merge*", ended(1, err=complaint))
    expected = f"no llvm-profdata here reads the counters of this compiler: {why}"
    with pytest.raises(MissingError, match=re.escape(expected)) as refused:
        tools(runner, "old", "old").merge(raw, tmp_path / "merged")
    assert refused.value.hint == "rustup component add llvm-tools"


def test_counters_that_cannot_be_read_are_a_note_as_long_as_others_can(raw: Path, tmp_path: Path) -> None:
    warnings = "".join(f"warning: {raw}/{n}.profraw: file header is corrupt\n" for n in range(5))
    runner = FakeRunner().on("tool merge*", lambda command: merging(command, warnings))
    notes, _ = tools(runner, "tool").merge(raw, tmp_path / "merged")
    assert notes[0] == "a counter file of training was left out: 0.profraw: file header is corrupt"
    assert notes[-1] == "and 2 more counter files"
    assert len(notes) == 4


@pytest.mark.parametrize("emptied", [True, False])
def test_no_counters_at_all(raw: Path, tmp_path: Path, emptied: bool) -> None:
    if emptied:
        (raw / "1.profraw").unlink()
    runner = FakeRunner().on("tool merge*", ended(1, err="error: no profile can be merged\n"))
    with pytest.raises(InputError, match="training wrote no counters" if emptied else "no profile can be merged"):
        tools(runner, "tool").merge(raw, tmp_path / "merged")


def test_functions_that_ran_are_counted() -> None:
    text = "Number of functions with maximum count (< 1): 4\nNumber of functions with maximum count (>= 1): 5\n"
    coverage = tools(FakeRunner().on("tool show*", ended(out=text)), "tool").coverage(Path("merged"))
    assert (coverage.functions, coverage.covered) == (9, 5)


def test_a_profile_of_another_program_is_told() -> None:
    of_mine = ended(out="Counters:\n  _ZN6my_app4main17h1f78d762a8d2526dE:\n")
    runner = FakeRunner().on("tool show*", of_mine)
    tools(runner, "tool").require_profile_of(Path("merged"), ("my-app",))
    with pytest.raises(InputError, match="of another program: it has no function of the crate app or other"):
        tools(runner, "tool").require_profile_of(Path("merged"), ("app", "other"))


def test_no_profile_at_all() -> None:
    runner = FakeRunner().on("tool show*", ended(1, err="error: merged: unrecognized instrumentation profile\nnote: x"))
    with pytest.raises(InputError, match="no merged profile that llvm-profdata reads: unrecognized instrumentation"):
        tools(runner, "tool").coverage(Path("merged"))


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("_ZN3app4main17h1f78d762a8d2526dE", "_ZN3app4main17h1f78d762a8d2526dE"),
        ("app.d099a0d54de2d0a4-cgu.0;_ZN3app4main17h1f78d762a8d2526dE", "_ZN3app4main17h1f78d762a8d2526dE"),
        ("_ZN3app4main17h1f78d762a8d2526dE.llvm.123456", "_ZN3app4main17h1f78d762a8d2526dE"),
        ("main", "main"),
    ],
)
def test_a_symbol_without_what_llvm_adds(name: str, plain: str) -> None:
    assert plain_symbol(name) == plain


def test_the_toolchains_own_comes_first_then_the_newest(tmp_path: Path) -> None:
    sysroot, path = tmp_path / "sysroot", tmp_path / "bin"
    own = sysroot / "lib" / "rustlib" / "x86_64-unknown-linux-gnu" / "bin" / "llvm-profdata"
    for program in (own, *(path / f"llvm-profdata{suffix}" for suffix in ("-9", "", "-19", "-19.bak"))):
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text("")
        program.chmod(0o755)
    found = find_profile_tools(FakeRunner(), sysroot, "x86_64-unknown-linux-gnu", {"PATH": str(path)}).programs
    ours = [program for program in found if program.startswith(str(tmp_path))]
    assert ours == [str(own), *(str(path / f"llvm-profdata{suffix}") for suffix in ("", "-19", "-9"))]


def test_none_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trimtab.system.llvm._FOLDERS", tmp_path)
    with pytest.raises(MissingError, match="llvm-profdata is not here") as refused:
        find_profile_tools(FakeRunner(), tmp_path, "x86_64-unknown-linux-gnu", {"PATH": str(tmp_path)})
    assert refused.value.hint == "rustup component add llvm-tools"


SHOWN = """Counters:
  lib.rs;hot:
    Hash: 0x1
    Counters: 3
    Block counts: [{hot}]
  cold:
    Hash: 0x2
    Counters: 2
    Block counts: [{cold}]
  gone:
    Hash: 0x3
    Counters: 0
    Block counts: []
Functions shown: 3
Total functions: 3
"""


@pytest.mark.parametrize(
    ("trained", "held", "share"),
    [
        (("5, 0, 7", "0, 0"), ("10, 0, 30", "0, 0"), 1.0),
        (("5, 0, 7", "0, 0"), ("10, 60, 30", "0, 0"), 0.4),
        (("5, 0, 7", "0, 0"), ("10, 0, 0", "30, 0"), 0.25),
        (("5, 0, 7", "0, 0"), ("0, 0, 0", "0, 0"), None),
    ],
)
def test_what_benches_execute_is_held_against_what_training_ran(
    trained: tuple[str, str], held: tuple[str, str], share: float | None
) -> None:
    runner = FakeRunner()
    for name, (hot, cold) in (("trained", trained), ("held", held)):
        runner.on(f"tool show*{name}", ended(out=SHOWN.format(hot=hot, cold=cold)))
    assert tools(runner, "tool").executed_share(Path("trained"), Path("held")) == share


OWN = """Counters:
  x;_ZN3app4main17h1111111111111111E:
    Hash: 0x1
    Counters: 1
    Block counts: [5]
  _ZN3app4rest17h2222222222222222E:
    Hash: 0x2
    Counters: 1
    Block counts: [0]
  _ZN5other4main17h3333333333333333E:
    Hash: 0x3
    Counters: 1
    Block counts: [7]
"""


@pytest.mark.parametrize(
    ("unprofiled", "share"),
    [
        ((), 1.0),
        (("_ZN3app3new17h4444444444444444E", "_ZN5other4main17h5555555555555555E"), 1.0),
        (("_ZN3app4main17h6666666666666666E",), 0.5),
        (("_ZN3app4main17h6666666666666666E", "_ZN3app4rest17h7777777777777777E.llvm.12"), 0.0),
    ],
    ids=["all of them", "new ones and those of others", "one of another version", "all of another version"],
)
def test_functions_of_another_version_do_not_match(unprofiled: tuple[str, ...], share: float) -> None:
    runner = FakeRunner().on("tool show*", ended(out=OWN))
    assert tools(runner, "tool").matched(Path("merged"), unprofiled, ("app",)) == share


def test_names_of_version_0_have_their_hash_in_the_crate() -> None:
    runner = FakeRunner().on("tool show*", ended(out="Counters:\n  _RNvCsabc_3app4main:\n    Block counts: [5]\n"))
    assert tools(runner, "tool").matched(Path("merged"), ("_RNvCsxyz_3app4main",), ("app",)) == 0.0
