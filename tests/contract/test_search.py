"""What every search keeps to."""

from __future__ import annotations

import pytest

from tests.fakes.parts import FakeSearch
from tests.fakes.values import FAT, FAT1, THIN, TODAY, failed, trial
from trimtab.model.profile import Profile
from trimtab.model.space import Space, parse_axis
from trimtab.model.trial import Trial
from trimtab.search.grid import GridSearch
from trimtab.search.protocol import Search


@pytest.fixture(params=["grid", "fake"])
def search(request: pytest.FixtureRequest) -> Search:
    if request.param == "grid":
        return GridSearch(TODAY, Space(axes=(parse_axis("lto=local,thin,fat"), parse_axis("codegen-units=16,1"))))
    return FakeSearch(TODAY, THIN, FAT, FAT1)


def outcome(profile: Profile) -> Trial:
    """Every other profile fails to build."""
    return failed(profile) if profile.codegen_units == 1 else trial(profile)


def asked(search: Search) -> list[Profile]:
    found = []
    while (profile := search.ask()) is not None:
        found.append(profile)
        search.tell(outcome(profile))
    return found


class TestSearch:
    def test_asks_for_today_first(self, search: Search) -> None:
        assert search.ask() == TODAY

    def test_asks_for_nothing_twice(self, search: Search) -> None:
        profiles = asked(search)
        assert len(profiles) > 1
        assert len(set(profiles)) == len(profiles)

    def test_ends_and_stays_ended(self, search: Search) -> None:
        asked(search)
        assert search.ask() is None
        assert search.remaining == 0
        search.tell(outcome(TODAY))
        assert search.ask() is None

    def test_says_how_many_are_left(self, search: Search) -> None:
        expected = search.remaining
        while (profile := search.ask()) is not None:
            expected -= 1
            search.tell(outcome(profile))
            assert search.remaining == expected
        assert expected == 0
