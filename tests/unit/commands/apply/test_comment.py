"""The comment that `apply` writes, compared with a golden file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tests.fakes.values import PROJECT, a_full_study
from trimtab.choice.recommend import gains_and_costs
from trimtab.commands.apply.comment import manifest_comment

Golden = Callable[[str, str], None]


def test_the_comment_that_apply_writes(golden: Golden) -> None:
    found = replace(a_full_study(), project=replace(PROJECT, profile_name="dist"))
    chosen = found.trials[3]
    lines = manifest_comment(found, gains_and_costs(found, chosen), "2026-05-02")
    golden("comment.txt", "".join(f"# {line}\n" for line in lines))
