"""A build backend that builds nothing, and wheels as zip files."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path

from tests.fakes.cargo import FakeCargo
from tests.fakes.runner import finished
from trimtab.system.process import Command, Finished

METADATA = "Metadata-Version: 2.1\nName: app\nVersion: 0.1.0\n"


def make_wheel(path: Path, members: Mapping[str, str | bytes], entry_points: str = "") -> Path:
    """A wheel with these members beside its metadata."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)
        archive.writestr(zipfile.ZipInfo("app-0.1.0.dist-info/METADATA"), METADATA)
        archive.writestr(zipfile.ZipInfo("app-0.1.0.dist-info/WHEEL"), "Wheel-Version: 1.0\nTag: py3-none-any\n")
        if entry_points:
            archive.writestr(zipfile.ZipInfo("app-0.1.0.dist-info/entry_points.txt"), entry_points)
    return path


class FakeBackend(FakeCargo):
    """Plays the hooks of a build backend, which "compiles" with the profile that stands in its environment."""

    def otherwise(self, command: Command) -> Finished:
        """Answer a hook as pyproject-hooks wants it: in a file of the folder that it names last."""
        if len(command.argv) < 3 or not command.argv[1].endswith("_in_process.py"):
            return super().otherwise(command)
        hook, folder = command.argv[2], Path(command.argv[3])
        asked = json.loads((folder / "input.json").read_text())["kwargs"]
        value: object = []
        log = ""
        if hook == "build_wheel":
            told = {name: value for name, value in command.environment.items() if name.startswith("CARGO_PROFILE_")}
            failing = self.failing.get(f"opt-level={told.get('CARGO_PROFILE_RELEASE_OPT_LEVEL', '3')}")
            if failing:
                return failing
            self._compile(Path(command.environment["CARGO_TARGET_DIR"]), Path(str(command.cwd)))
            lto = told.get("CARGO_PROFILE_RELEASE_LTO", "false")
            log = f"     Running `rustc --crate-name app --crate-type bin src/main.rs -C opt-level=3 -C lto={lto}`\n"
            name = "app-0.1.0-py3-none-any.whl"
            make_wheel(Path(asked["wheel_directory"]) / name, {"app-0.1.0.data/scripts/app": json.dumps(told)})
            value = name
        (folder / "output.json").write_text(json.dumps({"return_val": value}))
        return finished(stderr=log, peak_memory=1000)

    def _compile(self, target: Path, source: Path) -> None:
        """Cargo's records of a unit, which a touch looks at."""
        for name, text in {
            "release/deps/app-0123456789abcdef.d": f"{target}/release/deps/app: {source}/src/main.rs\n",
            "release/.fingerprint/app-0123456789abcdef/dep-bin-app": "",
        }.items():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            (target / name).write_text(text)
