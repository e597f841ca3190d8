"""A Cargo that builds nothing: it answers every question trimtab asks about a small workspace and "compiles" it.

What it prints was taken from cargo 1.95. Profiles come from the workspace's real ``Cargo.toml`` with inheritance and
``--config`` applied, so that editing the file changes what this Cargo says.
"""

from __future__ import annotations

import json
import shlex
import tomllib
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.fakes.programs import native
from tests.fakes.runner import FakeRunner, callgrind, finished
from trimtab.system.process import Command, Finished

HOST = "x86_64-unknown-linux-gnu"
RUSTC = f"""\
rustc 1.95.0 (59807616e 2026-04-14)
binary: rustc
commit-hash: 59807616e1fa2540724bfbac14d7976d7e4a3860
commit-date: 2026-04-14
host: {HOST}
release: 1.95.0
LLVM version: 22.1.2
"""
MANIFEST = """\
[package]
name = "app"
version = "0.1.0"
edition = "2021"

# what ships
[profile.release]
lto = "thin" # smaller

[profile.profiling]
inherits = "release"
debug = 1
"""
_DEFAULTS: dict[str, Any] = {
    "lto": False, "codegen-units": None, "opt-level": "3", "panic": "unwind", "strip": None, "debug": 0,
}  # fmt: skip
_BYTES = {"off": 1300, "false": 1200, "thin": 1100, "fat": 1000, "true": 1000}


@dataclass(frozen=True, kw_only=True)
class Crate:
    """A package with binaries of these names; each has one dependency, ``dep``."""

    name: str
    binaries: tuple[str, ...] = ()
    folder: str = ""


class FakeCargo(FakeRunner):
    """Plays cargo, rustc, objcopy, git, valgrind and the program that it "builds"."""

    def __init__(self, root: Path, crates: tuple[Crate, ...] = (Crate(name="app", binaries=("app",)),)) -> None:
        super().__init__()
        self.root = root
        self.crates = crates
        self.configuration: dict[str, Any] = {}
        self.failing: dict[str, Finished] = {}
        """Setting (such as ``opt-level=0``) → how a build with it ends."""
        self.program: dict[str, Finished] = {}
        """Arguments of the built program → how it ends; otherwise it takes a millisecond per byte."""

    @classmethod
    def with_project(cls, root: Path, manifest: str = MANIFEST, **options: Any) -> FakeCargo:
        """A workspace on disk, locked."""
        cargo = cls(root, **options)
        root.mkdir(parents=True, exist_ok=True)
        (root / "Cargo.toml").write_text(manifest)
        (root / "Cargo.lock").write_text("version = 4\n")
        for crate in cargo.crates:
            for binary in crate.binaries:
                source = cargo._source(crate, binary)
                source.parent.mkdir(parents=True, exist_ok=True)
                source.write_text("fn main() {}\n")
        return cargo

    def otherwise(self, command: Command) -> Finished:  # noqa: C901 - one line per question
        """Answer what no test scripted."""
        match command.argv:
            case ("unshare", *words):  # an overlay, in which all is as without it
                inner = tuple(words[words.index("sh", words.index("-c") + 1) + 3 :])
                return finished() if inner[0] == "test" else self.run(replace(command, argv=inner))
            case ("cargo", "-V"):
                return finished("cargo 1.95.0 (f2d3ce0bd 2026-03-21)\n")
            case ("rustc", "-vV"):
                return finished(RUSTC)
            case ("rustc", "--print", "sysroot"):
                return finished("/nowhere/sysroot\n")
            case ("rustc", "--edition", *_, "-o", output, _):
                Path(output).write_text("the wrapper, or what libraries are tried with")
                return finished()
            case ("cc", "--version"):
                return finished("cc (Debian 12.2.0-14+deb12u1) 12.2.0\nCopyright (C) 2022\n")
            case ("cargo", "metadata", *_):
                return finished(json.dumps(self._metadata()))
            case ("cargo", "fetch", *_):
                return finished()
            case ("cargo", "-Z", "unstable-options", "config", "get", *_):
                return finished(json.dumps(self.configuration))
            case ("cargo", "build", *arguments) if "--unit-graph" in arguments:
                return self._unit_graph(arguments)
            case ("cargo", "build", *arguments):
                return self._build(arguments, Path(command.environment["CARGO_TARGET_DIR"]))
            case ("cargo", "check", *_):
                environment = command.environment
                encoded = environment.get("CARGO_ENCODED_RUSTFLAGS")
                flags = environment.get("RUSTFLAGS", "").split() if encoded is None else encoded.split("\x1f")
                call = _call("trimtab_flags", Path("src/lib.rs"), [], "lib", flags)
                return finished(stderr=call)
            case ("cargo", "generate-lockfile"):
                (Path(str(command.cwd)) / "Cargo.lock").write_text("version = 4\n")
                return finished()
            case ("git", *_):
                return finished(stderr="fatal: not a git repository\n", exit_code=128)
            case (tool, "--version") if tool.endswith("objcopy"):
                return finished("GNU objcopy (GNU Binutils for Debian) 2.40\n")
            case (tool, "--strip-all", source, output) if tool.endswith("objcopy"):
                content = Path(source).read_bytes()
                Path(output).write_bytes(content[: len(content) // 2])
                return finished()
            case words if "--tool=callgrind" in words:
                program = next(word for word in words if Path(word).name == "app")
                return callgrind(command, 1000 * Path(program).stat().st_size)
            case (program, *arguments) if Path(program).exists():
                wall = Path(program).stat().st_size / 1000
                return self.program.get(" ".join(arguments)) or finished("app 0.1.0\n", wall=wall, cpu=wall)
        return super().otherwise(command)

    def _source(self, crate: Crate, binary: str) -> Path:
        name = "main.rs" if binary == crate.name else f"bin/{binary}.rs"
        return self.root / crate.folder / "src" / name

    def _metadata(self) -> dict[str, Any]:
        packages = [
            {
                "name": crate.name,
                "version": "0.1.0",
                "id": f"path+file://{self.root / crate.folder}#{crate.name}@0.1.0",
                "source": None,
                "manifest_path": str(self.root / crate.folder / "Cargo.toml"),
                "default_run": None,
                "targets": [
                    {"kind": ["bin"], "name": binary, "src_path": str(self._source(crate, binary))}
                    for binary in crate.binaries
                ],
            }
            for crate in self.crates
        ]
        return {
            "packages": packages,
            "workspace_members": [package["id"] for package in packages],
            "workspace_root": str(self.root),
            "target_directory": str(self.root / "target"),
        }

    def _profile(self, name: str, arguments: list[str]) -> dict[str, Any]:
        tables = tomllib.loads((self.root / "Cargo.toml").read_text()).get("profile", {})
        for _, text in filter(lambda pair: pair[0] == "--config", pairwise(arguments)):
            path, _, value = text.partition("=")
            _, profile, key = path.split(".")
            tables.setdefault(profile, {})[key] = json.loads(value)
        settings = dict(_DEFAULTS)
        chain = [name]
        while "inherits" in tables.get(chain[-1], {}):
            chain.append(tables[chain[-1]]["inherits"])
        for one in reversed(chain):
            settings |= {key: value for key, value in tables.get(one, {}).items() if key in _DEFAULTS}
        if settings["strip"] is None:
            settings["strip"] = "debuginfo" if settings["debug"] in (0, False, "none") else "none"
        return {key: str(value).lower() if isinstance(value, bool) else value for key, value in settings.items()}

    def _unit_graph(self, arguments: list[str]) -> Finished:
        profile = self._profile(_after(arguments, "--profile"), arguments)
        units = [
            {
                "mode": "build",
                "target": {"kind": ["bin"], "name": name},
                "profile": {
                    "lto": profile["lto"],
                    "codegen_units": profile["codegen-units"],
                    "opt_level": str(profile["opt-level"]),
                    "panic": profile["panic"],
                    "strip": {"resolved": {"Named": profile["strip"]}},
                    "debuginfo": profile["debug"],
                    "incremental": False,
                },
            }
            for name in _all_after(arguments, "--bin")
        ]
        return finished(json.dumps({"version": 1, "units": units, "roots": list(range(len(units)))}))

    def _build(self, arguments: list[str], target: Path) -> Finished:
        profile = self._profile(_after(arguments, "--profile"), arguments)
        for setting, ending in self.failing.items():
            name, _, value = setting.partition("=")
            if str(profile[name]) == value:
                return ending
        deps, size = target / "release" / "deps", _BYTES[str(profile["lto"])]
        deps.mkdir(parents=True, exist_ok=True)
        size -= 100 * (profile["codegen-units"] == 1) + 300 * (profile["opt-level"] in ("s", "z"))
        messages, calls = [], [_call("dep", self.root / "dep/src/lib.rs", _options(profile, final=False), "lib")]
        for crate in self.crates:
            for binary in set(crate.binaries) & set(_all_after(arguments, "--bin")):
                stem, hashed = binary.replace("-", "_"), f"{zlib.crc32(binary.encode()):016x}"
                executable = target / "release" / binary
                executable.write_bytes((native() + bytes(index % 251 for index in range(size)))[:size])
                (deps / f"{stem}-{hashed}.d").write_text(f"{deps}/{stem}-{hashed}: {self._source(crate, binary)}\n")
                record = target / "release" / ".fingerprint" / f"{crate.name}-{hashed}"
                record.mkdir(parents=True, exist_ok=True)
                (record / f"dep-bin-{binary}").touch()
                calls.append(_call(stem, self._source(crate, binary), _options(profile, final=True), "bin"))
                messages.append(
                    {
                        "reason": "compiler-artifact",
                        "target": {"kind": ["bin"], "name": binary},
                        "executable": str(executable),
                        "fresh": False,
                    }
                )
        lines = [*map(json.dumps, messages), '{"reason":"build-finished","success":true}']
        wall = 10 if str(profile["lto"]) in ("fat", "true") else 5
        return finished("\n".join(lines), stderr="\n".join(calls), wall=wall, cpu=wall * 1.8, peak_memory=500_000_000)


def _options(profile: Mapping[str, Any], *, final: bool) -> list[str]:
    options = [f"opt-level={profile['opt-level']}", f"strip={profile['strip']}"]
    options += [f"panic={profile['panic']}"] if profile["panic"] != "unwind" else []
    options += [f"codegen-units={profile['codegen-units']}"] if profile["codegen-units"] else []
    options += [f"debuginfo={profile['debug']}"] if profile["debug"] else []
    if final and profile["lto"] != "false":
        options.append(f"lto={profile['lto']}")
    if not final:
        options += ["extra-filename=-77c8a6d2fb4eef9e", "linker-plugin-lto"]
    return options


def _call(crate: str, source: Path, options: list[str], kind: str, flags: Sequence[str] = ()) -> str:
    words = ["/nowhere/bin/rustc", "--crate-name", crate, "--edition=2021", str(source), "--crate-type", kind]
    words += [word for option in options for word in ("-C", option)]
    words += ["--extern", "dep=/target/release/deps/libdep-77c8a6d2fb4eef9e.rlib"] if kind == "bin" else []
    return f"     Running `{shlex.join((*words, *filter(None, flags)))}`"


def _after(arguments: list[str], name: str) -> str:
    return _all_after(arguments, name)[0]


def _all_after(arguments: list[str], name: str) -> list[str]:
    return [value for key, value in pairwise(arguments) if key == name]
