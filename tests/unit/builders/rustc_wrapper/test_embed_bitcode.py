"""The check of embed mode, with a rustc whose programs are what a test says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fakes.runner import finished
from trimtab.builders.rustc_wrapper.embed_bitcode import embeds_alike, mergeable
from trimtab.model.profile import Debug, Lto, OptLevel, Profile, Strip
from trimtab.system.process import Command, Finished

Check = Callable[..., bool]


class Rustc:
    """Writes the same for every program, but for those of one kind whose library is in embed mode."""

    def __init__(self, odd: str = "", fails: str = "") -> None:
        self.odd, self.fails = odd, fails
        self.calls: list[tuple[str, ...]] = []

    def run(self, command: Command) -> Finished:
        argv = command.argv
        self.calls.append(argv)
        output = Path(argv[argv.index("-o") + 1])
        if self.fails and self.fails in argv:
            return finished(stderr="error: unknown codegen option", exit_code=1)
        if output.suffix == ".rlib":
            output.write_text("embedded" if "embed-bitcode=yes" in argv else "apart")
        else:
            is_odd = self.odd in argv and (output.parents[1] / "liblib.rlib").read_text() == "embedded"
            output.write_text("other" if self.odd and is_odd else "program")
        return finished()


@pytest.fixture
def check(tmp_path: Path) -> Check:
    def check(rustc: Rustc, lto: Lto = Lto.OFF) -> bool:
        return embeds_alike(lto, rustc, tmp_path / "cache", "a compiler", tmp_path, {"PATH": "/bin"})

    return check


@pytest.mark.parametrize("lto", [Lto.OFF, Lto.LOCAL])
def test_programs_that_are_the_same(lto: Lto, check: Check) -> None:
    rustc = Rustc()
    assert check(rustc, lto)
    assert len(rustc.calls) == 16
    assert {word for call in rustc.calls for word in call if word.startswith("codegen-units=")} == {
        "codegen-units=16",
        "codegen-units=1",
    }


@pytest.mark.parametrize(
    ("lto", "kind"),
    [
        *((Lto.OFF, kind) for kind in ("lto=off", "lto=thin", "lto=fat")),
        *((Lto.LOCAL, kind) for kind in ("embed-bitcode=no", "lto=thin", "lto=fat")),
    ],
)
def test_one_that_differs_is_enough(lto: Lto, kind: str, check: Check) -> None:
    assert not check(Rustc(odd=kind), lto)


def test_off_and_local_are_told_apart(check: Check) -> None:
    assert not check(Rustc(odd="embed-bitcode=no"), Lto.LOCAL)
    assert check(Rustc(), Lto.OFF)
    assert not check(Rustc(), Lto.LOCAL)


FULL = [Profile(lto=lto, opt_level=level) for lto in Lto for level in OptLevel]


@pytest.mark.parametrize(
    ("profiles", "expected"),
    [
        (FULL, (Lto.LOCAL, Lto.OFF)),  # local is the same to the byte where there are several units
        ([profile for profile in FULL if profile.lto is not Lto.LOCAL], (Lto.OFF,)),
        ([profile for profile in FULL if profile.lto is not Lto.OFF], (Lto.LOCAL,)),
        ([Profile(lto=Lto.OFF), *(profile for profile in FULL if profile.lto is not Lto.OFF)], (Lto.LOCAL,)),
        ([profile for profile in FULL if profile.lto in (Lto.OFF, Lto.LOCAL)], ()),
        ([profile for profile in FULL if profile.lto in (Lto.THIN, Lto.FAT)], ()),
        ([Profile(), *(profile for profile in FULL if profile.lto is Lto.THIN)], ()),
        ([Profile(debug=Debug.FULL), Profile(lto=Lto.THIN)], ()),
        ([Profile(strip=Strip.NONE), Profile(lto=Lto.THIN)], (Lto.LOCAL,)),
        (
            [Profile(), Profile(lto=Lto.OFF, opt_level=OptLevel.S), Profile(lto=Lto.FAT, opt_level=OptLevel.S)],
            (Lto.OFF,),
        ),
        ([], ()),
    ],
)
def test_what_pays(profiles: list[Profile], expected: tuple[Lto, ...]) -> None:
    assert mergeable(profiles) == expected


@pytest.mark.parametrize("odd", ["", "lto=fat"])
def test_the_answer_is_kept(odd: str, check: Check) -> None:
    first, again = Rustc(odd=odd), Rustc()
    assert check(first) == check(again)
    assert again.calls == []


def test_what_cannot_be_tried_is_no_and_is_tried_again(check: Check) -> None:
    """A disk may be full, or memory short, for a moment."""
    assert not check(Rustc(fails="lto=thin"))
    assert check(Rustc())


def test_of_another_compiler_another(tmp_path: Path) -> None:
    assert embeds_alike(Lto.OFF, Rustc(), tmp_path, "a compiler", tmp_path, {})
    assert not embeds_alike(Lto.OFF, Rustc(odd="lto=fat"), tmp_path, "another", tmp_path, {})


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    assert not embeds_alike(Lto.OFF, Rustc(), tmp_path / "cache", "a compiler", tmp_path, {})
