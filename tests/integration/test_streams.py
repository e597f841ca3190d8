"""Standard streams that are closed, full or no terminal: commands work, or fail in two or three lines."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.user import User

pytestmark = pytest.mark.integration

CLOSED = ("<&-", ">&-", "2>&-", "<&- >&-", ">&- 2>&-", "<&- >&- 2>&-")


def shell(user: User, redirections: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    script = f'exec "$@" {redirections}'
    argv = ["sh", "-c", script, "sh", sys.executable, "-m", "trimtab", *map(str, arguments)]
    return subprocess.run(
        argv, check=False, cwd=user.folder, env=dict(user.environment), capture_output=True, text=True, timeout=300
    )


@pytest.fixture(scope="module")
def explored(new_user: object, tmp_path_factory: pytest.TempPathFactory) -> tuple[User, Path]:
    """A user with a study."""
    user: User = new_user(tmp_path_factory.mktemp("streams"))  # type: ignore[operator]
    project = user.project("duo")
    user.does("explore", project, "--axis", "opt-level=s", "--measure", "size")
    return user, project


@pytest.mark.slow
@pytest.mark.parametrize("closed", CLOSED)
def test_a_study_is_shown_where_it_can_be(explored: tuple[User, Path], closed: str) -> None:
    user, _ = explored
    result = shell(user, closed, "show")
    assert result.returncode == 0, result
    assert result.stderr == ""
    assert ("profiles" in result.stdout) is (">&-" not in closed.replace("2>&-", ""))


@pytest.mark.parametrize("closed", CLOSED)
def test_an_error_is_one_without_them(explored: tuple[User, Path], closed: str) -> None:
    user, _ = explored
    result = shell(user, closed, "show", "nothing")
    assert result.returncode == 2, result
    assert "Traceback" not in result.stderr
    assert result.stderr.startswith("error: ") is ("2>&-" not in closed)


def test_an_exploration_without_any_keeps_its_study(explored: tuple[User, Path]) -> None:
    user, project = explored
    result = shell(user, "<&- >&- 2>&-", "explore", project, "--axis", "opt-level=s,2", "--measure", "size")
    assert result.returncode == 0, result
    shown = user.does("show", "--json").document
    assert len(shown["trials"]) == 3
    assert all(trial["status"] == "ok" for trial in shown["trials"])


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("redirection", ["> /dev/full", "1< /dev/null"])
def test_output_that_cannot_be_written_is_an_error(explored: tuple[User, Path], redirection: str) -> None:
    user, _ = explored
    for arguments in (("show",), ("show", "--json"), ("history",), ("--help",)):
        result = shell(user, redirection, *arguments)
        assert result.returncode == 2, result
        assert "error: standard output cannot be written" in result.stderr
        assert "Traceback" not in result.stderr
        assert len(result.stderr.splitlines()) == 2


def test_apply_without_a_terminal_says_so(explored: tuple[User, Path]) -> None:
    user, project = explored
    before = (project / "Cargo.toml").read_text()
    for redirections in ("< /dev/null", "<&-", "<&- >&- 2>&-"):
        result = shell(user, redirections, "apply", "--trial", "opt-level s")
        assert result.returncode == 2, result
        assert ("no terminal" in result.stderr) is ("2>&-" not in redirections)
    assert (project / "Cargo.toml").read_text() == before
