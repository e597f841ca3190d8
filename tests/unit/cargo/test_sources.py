"""When a measurement is no longer valid: the digest of the sources."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.cargo import FakeCargo
from tests.fakes.runner import finished
from trimtab.cargo.project import Project, load_project
from trimtab.cargo.sources import Sources, copy_with_lock, read_sources
from trimtab.errors import InputError, SourcesChanged


@pytest.fixture
def cargo(tmp_path: Path) -> FakeCargo:
    return FakeCargo.with_project(tmp_path / "app")


def project_of(cargo: FakeCargo) -> Project:
    return load_project(cargo, cargo.root / "Cargo.toml", {})


def read(cargo: FakeCargo, **rest: Any) -> Sources:
    values: dict[str, Any] = {"environment": {}, "configuration": {}, **rest}
    return read_sources(cargo, project_of(cargo), **values)


def edit(path: str, text: str = "new") -> Callable[[Path], None]:
    def write(root: Path) -> None:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)

    return write


class TestDigest:
    @pytest.mark.parametrize(
        ("change", "counts"),
        [
            (edit("src/main.rs"), True),
            (edit("Cargo.toml", "[package]\nname = 'b'\n"), True),
            (edit("Cargo.lock"), True),
            (edit("assets/data.json"), True),
            (edit(".cargo/config.toml"), True),
            (lambda root: (root / "src/main.rs").rename(root / "src/bin.rs"), True),
            (lambda root: (root / "link").symlink_to("src"), True),
            (edit("target/release/app"), False),
            (edit(".git/index"), False),
            (edit("node_modules/x/index.js"), False),
            (edit("src/__pycache__/x.pyc"), False),
            (edit("build/CACHEDIR.TAG"), False),
            (edit("trimtab.toml"), False),
            (edit("study.db"), False),
            (edit("study.db.artifacts/abc/app"), False),
        ],
    )
    def test_changes_with_what_a_build_reads(
        self, cargo: FakeCargo, change: Callable[[Path], None], *, counts: bool
    ) -> None:
        ours = (cargo.root / "study.db", cargo.root / "study.db.artifacts")
        before = read(cargo, ours=ours).digest
        change(cargo.root)
        assert (read(cargo, ours=ours).digest != before) is counts

    def test_changes_with_settings_outside_of_the_tree(self, cargo: FakeCargo) -> None:
        digests = [
            read(cargo).digest,
            read(cargo, environment={"RUSTFLAGS": "-g"}).digest,
            read(cargo, configuration={"build": {"rustflags": ["-g"]}}).digest,
            read(cargo, environment={"EDITOR": "vi"}).digest,
        ]
        assert len(set(digests)) == 3
        assert digests[0] == digests[3]

    def test_path_dependencies_outside_of_the_workspace_count(self, cargo: FakeCargo, tmp_path: Path) -> None:
        outside = tmp_path / "dep"
        edit("src/lib.rs")(outside)
        packages = [
            {"name": place.name, "manifest_path": str(place / "Cargo.toml"), "source": None}
            for place in (cargo.root, outside)
        ]
        cargo.on("cargo metadata --frozen*", finished(json.dumps({"packages": packages})))
        before = read(cargo).digest
        edit("src/lib.rs", "newer")(outside)
        assert read(cargo).digest != before

    def test_with_git_what_is_ignored_does_not_count(self, cargo: FakeCargo, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
        cargo.on("git ls-files*", finished("Cargo.toml\0src/main.rs\0deleted.rs\0"))
        before = read(cargo)
        assert {path.name for path in before.stamps} == {"Cargo.toml", "Cargo.lock", "main.rs"}
        edit("ignored.log")(cargo.root)
        assert read(cargo).digest == before.digest
        edit("Cargo.lock")(cargo.root)  # counts even where it is ignored
        assert read(cargo).digest != before.digest

    def test_names_need_not_be_text(self, cargo: FakeCargo) -> None:
        before = read(cargo).digest
        (cargo.root / os.fsdecode(b"odd-\xff")).touch()
        assert read(cargo).digest != before


class TestUnchanged:
    def test_says_nothing_while_nothing_happens(self, cargo: FakeCargo) -> None:
        read(cargo).check_unchanged()

    @pytest.mark.parametrize("change", [edit("src/main.rs"), lambda root: (root / "src/main.rs").unlink()])
    def test_names_the_file_that_was_edited_or_removed(self, cargo: FakeCargo, change: Callable[[Path], None]) -> None:
        sources = read(cargo)
        change(cargo.root)
        with pytest.raises(SourcesChanged) as caught:
            sources.check_unchanged()
        assert caught.value.where == str(cargo.root / "src/main.rs")
        assert "what was measured is kept" in caught.value.hint


class TestCopy:
    def copy(self, cargo: FakeCargo, tmp_path: Path) -> Path:
        return copy_with_lock(cargo, project_of(cargo), tmp_path / "copies", {})

    def test_is_locked_and_leaves_the_project_alone(self, cargo: FakeCargo, tmp_path: Path) -> None:
        (cargo.root / "Cargo.lock").unlink()
        edit("target/big")(cargo.root)
        copy = self.copy(cargo, tmp_path)
        assert {str(path.relative_to(copy)) for path in copy.rglob("*") if path.is_file()} == {
            "Cargo.toml", "Cargo.lock", "src/main.rs",
        }  # fmt: skip
        assert not (cargo.root / "Cargo.lock").exists()
        assert list(copy.parent.glob("[!.]*")) == [copy]

    def test_is_used_again_for_the_same_sources_only(self, cargo: FakeCargo, tmp_path: Path) -> None:
        (cargo.root / "Cargo.lock").unlink()
        first, again = self.copy(cargo, tmp_path), self.copy(cargo, tmp_path)
        edit("src/main.rs")(cargo.root)
        assert first == again != self.copy(cargo, tmp_path)
        assert cargo.lines.count("cargo generate-lockfile") == 2

    def test_that_cannot_be_locked_says_what_to_do(self, cargo: FakeCargo, tmp_path: Path) -> None:
        (cargo.root / "Cargo.lock").unlink()
        cargo.on("cargo generate-lockfile", finished(stderr="error: no such path", exit_code=101))
        with pytest.raises(InputError) as caught:
            self.copy(cargo, tmp_path)
        assert "cargo generate-lockfile" in caught.value.hint
        assert list((tmp_path / "copies").iterdir()) == []
