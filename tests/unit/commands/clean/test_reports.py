"""Reports of `clean`, compared with golden files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from tests.unit.commands.explore.test_reports import printed
from tests.unit.commands.history.test_reports import STUDIES
from trimtab.commands.clean.json import clean_json
from trimtab.commands.clean.model import Cleaning
from trimtab.commands.clean.terminal import clean_renderables, clean_sums
from trimtab.model.kept import KeptItem, KeptKind

Golden = Callable[[str, str], None]

NOW, DAY = 1_780_000_000.0, 86400.0


def item(kind: KeptKind, name: str, size: int, days: float) -> KeptItem:
    return KeptItem(kind=kind, path=Path("/home/ann/.cache/trimtab") / name, size=size, used=NOW - days * DAY)


KEPT = (
    item(KeptKind.CRATES, "crates/hexyl-0.16.0", 2_300_000, 91),
    item(KeptKind.UNITS, "compiled/units/ab/ab12", 1_400_000_000, 40.5),
    item(KeptKind.PROGRAMS, "artifacts/1a2b", 12_000_000, 33),
    item(KeptKind.UNITS, "compiled/units/cd/cd34", 700_000_000, 2),
    item(KeptKind.LEFTOVERS, "compiled/drafts/1", 350_000_000, 1.2),
    item(KeptKind.PROGRAMS, "artifacts/3c4d", 11_000_000, 0.3),
    item(KeptKind.STUDIES, "trimtab.db", 1_900_000, 0.01),
)
CLEANING = Cleaning(kept=KEPT, freed=(*KEPT[:3], KEPT[4]), studies=(STUDIES[0],), in_use=2, limit=20 << 30, now=NOW)


def test_clean(golden: Golden) -> None:
    golden("clean.txt", printed(clean_renderables(CLEANING), 80))
    golden("clean.json", clean_json(CLEANING) + "\n")


def test_the_end() -> None:
    done = replace(CLEANING, done=True, in_use=0, limit=None)
    assert list(clean_sums(done)) == ["freed: 1.64 GiB; 680 MiB stays (there is no limit)"]
