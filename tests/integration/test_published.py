"""Published crates, fetched through Cargo: these need crates.io."""

from __future__ import annotations

import pytest

from tests.integration.user import User

pytestmark = [pytest.mark.integration, pytest.mark.registry, pytest.mark.usefixtures("registry")]

SPEC = "crate:xml-rs@0.8.27"
"""Small, without dependencies, and with a binary."""


@pytest.mark.slow
def test_a_published_crate_is_explored_but_cannot_be_applied_to(user: User) -> None:
    arguments = (SPEC, "--axis", "opt-level=0", "--measure", "size,run", "--bench-time", "10ms")
    study = user.explores(*arguments)
    assert study["project"]["root"] == SPEC
    assert study["project"]["name"] == "xml-rs"
    assert [trial["status"] for trial in study["trials"]] == ["ok", "ok"]
    assert [trial["effect"][0]["opt-level"] for trial in study["trials"]] == ["3", "0"]
    assert user.explores(*arguments)["id"] == study["id"]
    assert len(user.builds()) == 2
    assert SPEC in user.does("show").out
    error = user.run("apply", "--trial", study["trials"][1]["id"], "--yes").refused(2)
    assert "published crate" in error


def test_the_newest_version_is_taken_where_none_is_named(user: User) -> None:
    user.does("explore", "crate:hexyl", "--dry-run")
    copies = list((user.cache / "trimtab" / "crates").glob("[!.]*"))
    assert len(copies) == 1
    assert user.builds() == []


def test_a_published_library_has_no_binary(user: User) -> None:
    assert "no binary" in user.run("explore", "crate:itoa@1.0.11").refused(2)


def test_the_registrys_own_copy_is_left_alone(user: User) -> None:
    user.does("explore", SPEC, "--dry-run")
    (copy,) = (user.cache / "trimtab" / "crates").glob("[!.]*")
    assert (copy / "Cargo.lock").exists()
    assert (copy / "Cargo.toml").exists()
