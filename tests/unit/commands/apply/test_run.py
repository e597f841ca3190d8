"""A profile written into Cargo.toml, from Python."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

import trimtab
from tests.fakes.cargo import MANIFEST
from tests.fakes.runner import finished
from tests.unit.conftest import Shell
from trimtab.commands.apply.run import _notes, prepare_application, write
from trimtab.errors import InputError
from trimtab.model.study import Study
from trimtab.system.process import Finished


def test_cargo_bench_is_spoken_of_only_where_it_inherits_from_the_profile() -> None:
    tables = {"dist": {"inherits": "release"}}
    project = SimpleNamespace(has_bench_targets=True)
    trial: Any = SimpleNamespace(profile=SimpleNamespace(rustflags=(), is_trained=False))
    for name, notes in (("release", 1), ("dist", 0)):
        study = SimpleNamespace(project=SimpleNamespace(profile_name=name))
        cargo: Any = SimpleNamespace(project=project, tables=tables, study=study)
        assert len(list(_notes(trial, {"panic": "abort"}, cargo))) == notes


class TestApplying:
    def explored(self, shell: Shell) -> Study:
        return trimtab.explore(shell.cargo.root, axes={"lto": ["fat"]}, measure=["size", "build"])

    def test_a_file_that_changed_meanwhile_is_left_alone(self, shell: Shell) -> None:
        study = self.explored(shell)
        application = prepare_application(study, study.trials[1], {})
        manifest = shell.cargo.root / "Cargo.toml"
        manifest.write_text(MANIFEST + "# mine\n")
        with pytest.raises(InputError, match="changed while the change was being shown"):
            write(application)
        assert manifest.read_text() == MANIFEST + "# mine\n"

    @pytest.mark.parametrize("interrupted", [False, True])
    def test_an_edit_made_while_cargo_is_asked_is_never_undone(self, shell: Shell, *, interrupted: bool) -> None:
        study = self.explored(shell)
        application = prepare_application(study, study.trials[1], {})
        manifest = shell.cargo.root / "Cargo.toml"

        def edit(_: object) -> Finished:
            manifest.write_text("# written by somebody else\n")
            if interrupted:
                raise KeyboardInterrupt
            return finished(stderr="error: no targets\n", exit_code=101)

        shell.cargo.on("cargo build -Z*--unit-graph*", edit)
        with pytest.raises(KeyboardInterrupt if interrupted else InputError, match=r"edited the file meanwhile|^$"):
            write(application)
        assert manifest.read_text() == "# written by somebody else\n"

    def test_a_published_crate_cannot_be_edited(self, shell: Shell) -> None:
        study = self.explored(shell)
        published = replace(study, project=replace(study.project, root="crate:hexyl@0.16.0"))
        with pytest.raises(InputError, match="is a published crate"):
            prepare_application(published, study.trials[1], {})

    def test_a_write_that_fails_leaves_the_old_text_and_no_draft(
        self, shell: Shell, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        study = self.explored(shell)
        application = prepare_application(study, study.trials[1], {})

        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("os.fsync", full)
        with pytest.raises(InputError, match="cannot be written: No space left on device"):
            write(application)
        assert (shell.cargo.root / "Cargo.toml").read_text() == MANIFEST
        assert [path.name for path in shell.cargo.root.iterdir() if path.name.startswith(".Cargo")] == []

    def test_an_interrupt_while_cargo_is_asked_puts_the_old_text_back(self, shell: Shell) -> None:
        study = self.explored(shell)
        application = prepare_application(study, study.trials[1], {})

        def interrupt(_: object) -> None:
            raise KeyboardInterrupt

        shell.cargo.on("cargo build -Z*--unit-graph*", interrupt)  # type: ignore[arg-type]
        with pytest.raises(KeyboardInterrupt):
            write(application)
        assert (shell.cargo.root / "Cargo.toml").read_text() == MANIFEST

    def test_the_file_keeps_its_permissions_and_a_link_stays_a_link(self, shell: Shell) -> None:
        manifest, real = shell.cargo.root / "Cargo.toml", shell.folder / "real.toml"
        manifest.rename(real)
        manifest.symlink_to(real)
        real.chmod(0o640)
        study = self.explored(shell)
        write(prepare_application(study, study.trials[1], {}))
        assert manifest.is_symlink()
        assert real.stat().st_mode & 0o777 == 0o640
        assert 'lto = "fat"' in real.read_text()
