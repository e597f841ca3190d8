"""Studies as Markdown for an issue or a pull request, compared with golden files."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.fakes.values import FAT, FAT1, PROJECT, TODAY, a_full_study, failed, study, trial
from trimtab.choice.answer import answer
from trimtab.commands.explore.markdown import study_markdown
from trimtab.model.plan import Goal
from trimtab.model.profile import Profile
from trimtab.model.study import Study
from trimtab.report.comment import COMMENT_ROOM

Golden = Callable[[str, str], None]

HOSTILE = "--cfg=a|b`c*<!--@octocat\n\x1b[31m"


def markdown(found: Study) -> str:
    return study_markdown(found, answer(found))


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def many(count: int, message: str = "linking failed") -> Study:
    """Today's profile, the one that is best for size, and any number that cannot be built."""
    broken = [failed(Profile(rustflags=(f"--cfg=n{number}",)), message=message) for number in range(count)]
    return study(trial(TODAY), trial(FAT, stripped=400_000), *broken)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("everything", a_full_study()),
        (
            "keeps-today",
            study(trial(TODAY, touch=10.0), trial(FAT, stripped=799_000, cpu=90.0, touch=42.0), goal=Goal.SPEED),
        ),
        ("nothing-built", study(failed(TODAY), failed(FAT))),
        ("empty", study(planned=4)),
    ],
)
def test_a_study(golden: Golden, name: str, found: Study) -> None:
    golden(f"study-{name}.md", markdown(found))


def test_every_row_of_the_table_has_all_columns() -> None:
    project = replace(PROJECT, name=HOSTILE, notes=(HOSTILE,))
    found = study(trial(TODAY), trial(Profile(rustflags=(HOSTILE,))), failed(FAT, message=HOSTILE), project=project)
    rows = [line for line in markdown(found).splitlines() if line.startswith("|")]
    assert len(rows) == 2 + 3
    assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}) == 1


def test_text_of_a_project_is_no_markup() -> None:
    project = replace(PROJECT, name=HOSTILE, notes=(HOSTILE,))
    text = markdown(study(trial(TODAY), failed(FAT, message=HOSTILE), project=project, command=HOSTILE))
    assert r"a\|b\`c\*\<!--@&#8203;octocat\\n\\x1b\[31m" in text
    assert "\x1b" not in text
    outside = re.sub(r"`[^`\n]*`$", "", text, flags=re.MULTILINE)  # the command to repeat it is code
    assert not re.search(r"@\w|(?<!\\)<", outside)


@pytest.mark.parametrize(
    ("count", "message"), [(1000, "linking failed"), (20, "x" * 50_000), (2, "\U0001f980" * 40_000)]
)
def test_a_comment_holds_it(count: int, message: str) -> None:
    text = markdown(many(count, message))
    assert units(text) <= COMMENT_ROOM
    assert "more: see `--json`" in text or "…" in text
    assert "**lto fat**" in text
    assert "Imaginary CPU 9000" in text
    assert "- to repeat: " in text


def test_the_recommended_profile_is_listed_however_short_the_list() -> None:
    best = trial(FAT1, stripped=100_000)
    others = [trial(Profile(rustflags=(f"--cfg=n{number}",)), stripped=90_000, cpu=9e9) for number in range(1500)]
    found = study(trial(TODAY), best, *others)
    text = markdown(found)
    assert units(text) <= COMMENT_ROOM
    assert re.search(r"\| … \d+ more: see `--json` \|", text)
    assert "◀ | **lto fat, codegen-units 1** |" in text
