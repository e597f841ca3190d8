"""``trimtab clean``: what is kept is shown, then freed by age, by size or by study."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

import trimtab
from tests.unit.commands.exploring import EXPLORE, builds, study
from tests.unit.conftest import Shell
from tests.unit.test_schemas import validator
from trimtab.system.paths import hold_lock
from trimtab.system.usage import mark_of, running

SIZES = f"{EXPLORE} --measure size"
DAY = 86400.0


@pytest.fixture
def cache(shell: Shell) -> Path:
    return shell.folder / "cache" / "trimtab"


def programs(shell: Shell) -> set[str]:
    return {path.name for path in Path(f"{shell.store}.artifacts").glob("[!.]*")}


def age(place: Path, days: float) -> None:
    os.utime(mark_of(place), (time.time() - days * DAY,) * 2)


def crate(cache: Path, name: str, days: float) -> Path:
    """A published crate that was fetched, and last used so long ago."""
    place = cache / "crates" / name
    place.mkdir(parents=True)
    (place / "Cargo.toml").write_text("[package]")
    trimtab.clean(dry_run=True)
    age(place, days)
    return place


def cleaned(shell: Shell, line: str) -> Any:
    said = shell.trimtab(f"clean {line} --json --quiet")
    assert (said.code, said.err) == (0, "")
    document = json.loads(said.out)
    validator("clean").validate(document)
    return document


class TestShown:
    def test_nothing_is_kept(self, shell: Shell) -> None:
        said = shell.trimtab("clean")
        assert (said.code, said.err) == (0, "")
        assert said.out == "nothing to free; 0 B is kept (the limit is 20.00 GiB)\n"

    def test_kind_by_kind_before_anything_is_freed(self, shell: Shell, cache: Path) -> None:
        study(shell, SIZES)
        place = crate(cache, "hexyl-0.16.0", days=40)
        said = shell.trimtab("clean --all --dry-run")
        assert said.code == 0
        lines = {line.split()[0]: line.split() for line in said.out.splitlines() if line.strip()}
        assert lines["crates"] == ["crates", "1", "4", "KiB", "40d", "ago", "1", "4", "KiB"]
        assert lines["programs"][-3:] == ["2", "8", "KiB"]
        assert "to free" in said.out.splitlines()[-1] or "to free:" in said.out
        assert place.exists()
        assert len(programs(shell)) == 2

    def test_without_a_terminal_it_does_not_ask_and_frees_nothing(self, shell: Shell, cache: Path) -> None:
        place = crate(cache, "hexyl-0.16.0", days=40)
        said = shell.trimtab("clean --all")
        assert said.code == 2
        assert "crates" in said.out
        assert said.errors[0] == "error: nothing was freed: there is no terminal on which to confirm it"
        assert "--yes" in said.errors[1]
        assert place.exists()

    @pytest.mark.parametrize(("reply", "is_freed"), [("y", True), ("n", False)])
    def test_on_a_terminal_it_asks(
        self, shell: Shell, cache: Path, monkeypatch: pytest.MonkeyPatch, reply: str, is_freed: bool
    ) -> None:
        place = crate(cache, "hexyl-0.16.0", days=40)
        monkeypatch.setattr("trimtab.cli.clean.has_terminal", lambda: True)
        monkeypatch.setattr("click.confirm", lambda *_, **__: reply == "y")
        assert shell.trimtab("clean --all").code == 0
        assert place.exists() is not is_freed


class TestChosen:
    def test_by_age(self, shell: Shell, cache: Path) -> None:
        old, new = crate(cache, "old-1.0.0", days=31), crate(cache, "new-1.0.0", days=29)
        document = cleaned(shell, "--older-than 30d --yes")
        assert [item["path"] for item in document["freed"]] == [str(old)]
        assert (document["done"], old.exists(), new.exists()) == (True, False, True)

    def test_by_size_what_was_used_least_recently_goes_first(self, shell: Shell, cache: Path) -> None:
        places = [crate(cache, f"{name}-1.0.0", days=days) for name, days in (("a", 2), ("b", 3), ("c", 1))]
        document = cleaned(shell, "--to-size 9K --yes")
        assert document["bytes"] - document["freed_bytes"] <= 9 * 1024
        assert [place.exists() for place in places] == [True, False, True]

    def test_ages_and_sizes_leave_studies_as_they_are(self, shell: Shell, cache: Path) -> None:
        before = study(shell, SIZES)
        cleaned(shell, "--all --older-than 1s --to-size 1 --yes")
        assert programs(shell) == set()
        assert study(shell, "show") == before

    def test_without_a_choice_what_is_over_the_limit(
        self, shell: Shell, cache: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        old, new = crate(cache, "old-1.0.0", days=2), crate(cache, "new-1.0.0", days=1)
        assert cleaned(shell, "--yes")["freed"] == []
        monkeypatch.setenv("TRIMTAB_CACHE_SIZE", "5K")
        assert cleaned(shell, "--yes")["limit"] == 5 * 1024
        assert (old.exists(), new.exists()) == (False, True)

    def test_what_a_killed_command_left_goes_always(self, shell: Shell, cache: Path) -> None:
        left = [cache / name for name in ("crates/.hexyl-0.16.0.x1", "work/0/target", "compiled/drafts/1")]
        for place in left:
            place.mkdir(parents=True)
        assert {item["kind"] for item in cleaned(shell, "--yes")["freed"]} == {"leftovers"}
        assert not any(place.exists() for place in left)

    def test_what_a_running_command_uses_stays_and_is_counted(self, shell: Shell, cache: Path) -> None:
        place = crate(cache, "hexyl-0.16.0", days=40)
        with running(cache):
            age(place, 0)
            document = cleaned(shell, "--all --yes")
            said = shell.trimtab("clean --all --yes")
        assert (document["in_use"], document["freed"], place.exists()) == (1, [], True)
        assert "1 more stay, since a running command uses them" in said.out

    @pytest.mark.parametrize("line", ["--older-than yesterday", "--to-size big", "--study none"])
    def test_what_cannot_be_read_is_refused(self, shell: Shell, line: str) -> None:
        said = shell.trimtab(f"clean {line} --yes")
        assert said.code == 2
        assert said.errors[0].startswith("error: ")


class TestStudies:
    def test_a_study_goes_with_the_programs_that_no_other_has(self, shell: Shell) -> None:
        kept = study(shell, "explore --axis lto=thin,fat --measure size")
        other = study(shell, "explore --axis lto=off --measure size")
        both = programs(shell)
        document = cleaned(shell, f"--study {other['id']} --yes")
        assert document["studies"] == [other["id"]]
        assert [summary.id for summary in trimtab.history()] == [kept["id"]]
        assert len(both - programs(shell)) == 1
        made = builds(shell)
        assert study(shell, "explore --axis lto=thin,fat --measure size")["trials"] == kept["trials"]
        assert builds(shell) == made

    def test_a_study_that_is_being_explored_stays(self, shell: Shell, cache: Path) -> None:
        study(shell, SIZES)
        basis = trimtab.show().basis
        with hold_lock(cache / "locks" / basis):
            said = shell.trimtab("clean --study last --yes")
        assert said.code == 2
        assert "being explored" in said.errors[0]
        assert len(programs(shell)) == 2

    def test_it_is_named_before_it_goes(self, shell: Shell) -> None:
        document = study(shell, SIZES)
        said = shell.trimtab("clean --study last --dry-run")
        assert f"to forget: {document['id']} with what was measured for 2 trials" in said.out
        assert len(trimtab.history()) == 1

    def test_programs_that_were_freed_are_built_again_when_they_are_needed(self, shell: Shell) -> None:
        first = study(shell, f"{EXPLORE} --measure size")
        cleaned(shell, "--all --yes")
        assert "explore again" in shell.trimtab("diff last:today 'last:lto fat'").err
        made = builds(shell)
        again = study(shell, f"{EXPLORE} --measure size")
        assert builds(shell) > made
        assert [trial["id"] for trial in again["trials"]] == [trial["id"] for trial in first["trials"]]
        assert len(programs(shell)) == 2


class TestLimit:
    def test_explore_keeps_within_it_and_what_it_needs_itself_stays(
        self, shell: Shell, cache: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        place = crate(cache, "hexyl-0.16.0", days=40)
        monkeypatch.setenv("TRIMTAB_CACHE_SIZE", "6K")
        study(shell, SIZES)
        assert not place.exists()
        assert len(programs(shell)) == 2

    def test_one_that_cannot_be_read_is_refused_before_the_first_build(
        self, shell: Shell, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("TRIMTAB_CACHE_SIZE", "plenty")
        said = shell.trimtab(EXPLORE)
        assert said.code == 2
        assert "TRIMTAB_CACHE_SIZE" in said.err
        assert builds(shell) == 0


class TestFromPython:
    def test_frees_what_was_not_used_for_long(self, shell: Shell, cache: Path) -> None:
        place = crate(cache, "hexyl-0.16.0", days=40)
        assert [item.path for item in trimtab.clean(older_than=30 * DAY, dry_run=True).freed] == [place]
        assert place.exists()
        assert trimtab.clean(older_than=30 * DAY).done
        assert not place.exists()

    def test_of_another_store(self, shell: Shell) -> None:
        store = shell.folder / "mine.db"
        found = trimtab.explore(shell.cargo.root, axes={"lto": ["fat"]}, measure=["size"], store=store)
        assert [one.id for one in trimtab.clean(studies=["last"], store=store).studies] == [found.id]
        assert trimtab.history(store=store) == []
