"""Workspaces of every shape that Cargo reads, as values that hypothesis can draw and that can be put on a disk."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from hypothesis import strategies as st

MEMBERS = ("app", "tools/two", "tools/two/inner", "libs/core")
"""Folders of members; each depends on those after it only."""
APART = "apart"
"""An excluded folder with a package of its own, at times named like a member."""
STANDS = (".", "docs", "app", "app/src", "tools", "tools/two", "tools/two/inner", "libs/core", APART)
CORE = """\
#[cfg(feature = "wide")]
pub fn width() -> usize { 64 }
#[cfg(not(feature = "wide"))]
pub fn width() -> usize { 32 }
"""
SETTINGS: dict[str, list[object]] = {
    "lto": [False, True, "thin", "off", "on", "y", "no"],
    "codegen-units": [1, 3],
    "opt-level": [0, 1, 2, "s", "z"],
    "panic": ["abort", "unwind"],
    "strip": [True, False, "debuginfo", "symbols"],
    "debug": [0, 1, True, "line-tables-only"],
    "incremental": [True, False],
}
Settings = Mapping[str, object]


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """Files, where somebody stands in them, and what they ask for."""

    files: Mapping[str, str]
    """Path from the folder above the workspace's root → text."""
    stand: str
    """Folder from the workspace's root."""
    environment: Mapping[str, str]
    profile: str
    packages: tuple[str, ...] = ()
    binaries: tuple[str, ...] = ()
    all_binaries: bool = False
    features: tuple[str, ...] = ()
    default_features: bool = True
    home: str = ""
    """Text of the configuration in Cargo's home."""
    locks: tuple[str, ...] = field(default=(".", APART))
    """Folders of the workspaces, from the root."""

    @property
    def arguments(self) -> tuple[str, ...]:
        """What they would write behind ``cargo build``."""
        return (
            *("--profile", self.profile),
            *(word for package in self.packages for word in ("--package", package)),
            *(("--bins",) if self.all_binaries else ()),
            *(word for binary in self.binaries for word in ("--bin", binary)),
            *(("--features", ",".join(self.features)) if self.features else ()),
            *(() if self.default_features else ("--no-default-features",)),
        )

    def write(self, folder: Path, environment: Mapping[str, str]) -> Path:
        """Put it on the disk, locked; returns where they stand."""
        root = folder / "above" / "root"
        for name, text in self.files.items():
            path = folder / "above" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        (folder / "cargo-home").mkdir()
        (folder / "cargo-home" / "config.toml").write_text(self.home)
        (root / "docs").mkdir(exist_ok=True)
        for lock in self.locks:
            subprocess.run(
                ["cargo", "generate-lockfile", "--offline", "--quiet"], cwd=root / lock, env=dict(environment),
                check=True, capture_output=True,
            )  # fmt: skip
        return root / self.stand


LINKER = """\
#!/bin/sh
# Links nothing: what is compared is how rustc is called.
while [ "$1" != -o ]; do shift; done
exec cp /bin/true "$2"
"""


def toml(value: object) -> str:
    """A scalar or list; JSON's spelling is the same."""
    return json.dumps(value)


@cache
def installed_targets() -> tuple[str, ...]:
    """Triples whose standard library is here, this machine's own first."""
    host = _rustc("-vV").partition("host: ")[2].split()[0]
    libraries = Path(_rustc("--print", "sysroot").strip()) / "lib" / "rustlib"
    others = sorted(path.parent.parent.name for path in libraries.glob("*/lib/libcore-*.rlib"))
    return (host, *(triple for triple in others if triple != host and "linux" in triple))


@cache
def channels() -> tuple[str, ...]:
    """Toolchains that a toolchain file can name; none without rustup."""
    if not shutil.which("rustup"):
        return ()
    listed = subprocess.run(["rustup", "toolchain", "list"], check=True, capture_output=True, text=True).stdout
    return tuple(line.split()[0] for line in listed.splitlines() if line)


def _rustc(*arguments: str) -> str:
    return subprocess.run(["rustc", *arguments], check=True, capture_output=True, text=True).stdout


some_settings = st.lists(st.sampled_from(sorted(SETTINGS)), unique=True, max_size=3).flatmap(
    lambda keys: st.fixed_dictionaries({key: st.sampled_from(SETTINGS[key]) for key in keys})
)


def _table(header: str, settings: Settings) -> str:
    return "\n".join([f"[{header}]", *(f"{key} = {toml(value)}" for key, value in settings.items()), ""])


@st.composite
def _package(draw: st.DrawFn, folder: str, twin: str) -> dict[str, str]:
    """A member's files; ``libs/core`` is a library that the others may depend on."""
    name = folder.rpartition("/")[2]
    is_core = name == "core"
    kinds = draw(st.sampled_from(["main", "main", "bins", "main+bins", "lib", "cdylib", "staticlib", "main+lib"]))
    kinds = "lib" if is_core else kinds
    programs, tables = draw(_programs(name)) if "bins" in kinds else ({}, "")
    files = {f"src/bin/{program}.rs": "fn main() {}\n" for program in programs}
    names = [*programs, *([name] if "main" in kinds else [])]
    text = f'[package]\nname = "{name}"\nversion = "0.1.0"\nedition = "2021"\n'
    if len(names) > 1 and draw(st.booleans()):
        text += f'default-run = "{draw(st.sampled_from(names))}"\n'
    text += _table("features", {
        "extra": [], "more": [], **({"wide": []} if is_core else {}),
        **draw(st.sampled_from([{}, {"default": ["more"]}, {"default": ["extra"]}])),
    })  # fmt: skip
    dependencies = "" if is_core else draw(_dependencies(folder, twin))
    if "main" in kinds:
        uses = 'println!("{}", ::core_lib::width());' if "core = " in dependencies else ""
        files["src/main.rs"] = f"fn main() {{ {uses} }}\n"
    if kinds != "main" and "bins" not in kinds:
        files["src/lib.rs"] = CORE if is_core else "pub fn nothing() {}\n"
        library = {"name": "core_lib"} if is_core else {}
        tables += _table("lib", library | ({"crate-type": [kinds]} if kinds in ("cdylib", "staticlib") else {}))
    files["Cargo.toml"] = f"{text}[dependencies]\n{dependencies}{tables}"
    return {f"{folder}/{path}": content for path, content in files.items()}


@st.composite
def _programs(draw: st.DrawFn, package: str) -> tuple[list[str], str]:
    """Names of programs beside the main one, and the tables of those that need features."""
    names = draw(st.lists(st.sampled_from(["tool", f"{package}-x", "gear"]), min_size=1, max_size=2, unique=True))
    tables = "".join(
        f'[[bin]]\nname = "{name}"\nrequired-features = ["extra"]\n' for name in names if draw(st.integers(0, 3)) == 0
    )
    return names, tables


@st.composite
def _dependencies(draw: st.DrawFn, folder: str, twin: str) -> str:
    """Dependencies on the library, and on a package outside of the workspace that may be named like a member."""
    up = "../" * (folder.count("/") + 1)
    text = ""
    if draw(st.booleans()):
        wide = ', features = ["wide"]' if draw(st.booleans()) else ""
        text += f'core = {{ path = "{up}libs/core"{wide} }}\n'
    if draw(st.integers(0, 3)) == 0:
        text += f'twin = {{ package = "{twin}", path = "{up}{APART}" }}\n'
    return text


@st.composite
def workspaces(draw: st.DrawFn) -> Workspace:
    """A workspace with everything around it that changes what Cargo does."""
    members = [folder for folder in MEMBERS if folder in ("app", "libs/core") or draw(st.booleans())]
    apart_name = draw(st.sampled_from(["apart", "app"]))
    files: dict[str, str] = {}
    for folder in members:
        files.update(draw(_package(folder, apart_name)))
    files[f"{APART}/Cargo.toml"] = f'[package]\nname = "{apart_name}"\nversion = "9.9.9"\nedition = "2021"\n'
    files[f"{APART}/src/lib.rs"] = "pub fn far() {}\n"
    files[f"{APART}/src/main.rs"] = "fn main() {}\n"
    files["Cargo.toml"] = draw(_root(members))
    if 'name = "top"' in files["Cargo.toml"]:
        files["src/main.rs"] = "fn main() {}\n"
    stand = draw(
        st.sampled_from(
            [
                place
                for place in STANDS
                if place in (".", "docs", "tools", APART) or place.removesuffix("/src") in members
            ]
        )
    )
    files["tools/README"] = ""
    for place in {".", stand.removesuffix("/src")}:
        if text := draw(_configuration()):
            files[f"{place}/.cargo/config.toml"] = text
    if channels() and draw(st.integers(0, 3)) == 0:
        place = draw(st.sampled_from([".", stand]))
        files[f"{place}/rust-toolchain.toml"] = f'[toolchain]\nchannel = "{draw(st.sampled_from(channels()))}"\n'
    above = draw(_configuration())
    named = {f"root/{path}": text for path, text in files.items()}
    if above:
        named[".cargo/config.toml"] = above
    binaries = tuple(
        draw(st.lists(st.sampled_from(["app", "two", "inner", "tool", "gear", "app-x"]), unique=True, max_size=2))
    )
    return Workspace(
        files=named,
        stand=stand,
        environment=draw(_environment()),
        profile=draw(st.sampled_from(["release", "release", "release", "dist", "dev", "bench"])),
        packages=tuple(draw(st.lists(st.sampled_from(["app", "two", "core"]), unique=True, max_size=2)))
        if draw(st.booleans())
        else (),
        binaries=binaries if (by_name := draw(st.integers(0, 2)) == 0) else (),
        all_binaries=not by_name and draw(st.booleans()),
        features=draw(st.sampled_from([(), (), ("extra",), ("extra", "more")])),
        default_features=draw(st.integers(0, 3)) > 0,
        home=draw(_configuration()) if draw(st.integers(0, 3)) == 0 else "",
    )


@st.composite
def _root(draw: st.DrawFn, members: list[str]) -> str:
    text = ""
    if draw(st.integers(0, 3)) == 0:
        text += '[package]\nname = "top"\nversion = "0.1.0"\nedition = "2021"\n[features]\nextra = []\nmore = []\n'
    text += _table("workspace", {"resolver": draw(st.sampled_from(["1", "2"])), "exclude": [APART], "members": members})
    if draw(st.booleans()):
        defaults = draw(st.lists(st.sampled_from(members), min_size=1, unique=True))
        text += f"default-members = {toml(defaults)}\n"
    text += _table("profile.dist", {"inherits": draw(st.sampled_from(["release", "dev"])), **draw(some_settings)})
    for name in draw(st.lists(st.sampled_from(["release", "dev", "bench"]), unique=True)):
        settings = dict(draw(some_settings))
        if name == "bench":
            settings.pop("panic", None)
        text += _table(f"profile.{name}", settings)
    if draw(st.booleans()):
        spec = draw(st.sampled_from(["app", '"*"', "core", "two"]))
        overrides = {key: value for key, value in draw(some_settings).items() if key not in ("lto", "panic")}
        text += _table(f"profile.release.package.{spec}", overrides)
    if draw(st.integers(0, 3)) == 0:
        text += _table("profile.release.build-override", {"opt-level": 1})
    return text


@st.composite
def _configuration(draw: st.DrawFn) -> str:
    """A ``.cargo/config.toml``, or nothing."""
    if draw(st.booleans()):
        return ""
    host = installed_targets()[0]
    parts = draw(
        st.lists(
            st.sampled_from(["profile", "target", "targets", "flags", "own", "incremental", "jobs"]),
            unique=True,
            max_size=3,
        )
    )
    build: dict[str, object] = {}
    text = ""
    if "target" in parts:
        build["target"] = draw(st.sampled_from(installed_targets()))
    elif "targets" in parts:
        build["target"] = draw(st.lists(st.sampled_from(installed_targets()), min_size=1, unique=True))
    if "flags" in parts:
        build["rustflags"] = ["--cfg", "from_build"]
    if "incremental" in parts:
        build["incremental"] = draw(st.booleans())
    if "jobs" in parts:
        build["jobs"] = 2
    if build:
        text += _table("build", build)
    if "own" in parts:
        text += _table(f"target.{host}", {"rustflags": ["--cfg", "from_target"]})
    if "profile" in parts:
        text += _table("profile.release", draw(some_settings))
    return text


@st.composite
def _environment(draw: st.DrawFn) -> dict[str, str]:
    made: dict[str, str] = {}
    for key, value in draw(some_settings).items():
        if draw(st.booleans()):
            made[f"CARGO_PROFILE_RELEASE_{key.upper().replace('-', '_')}"] = str(value).lower()
    if draw(st.integers(0, 4)) == 0:
        made["RUSTFLAGS"] = "--cfg from_environment"
    if draw(st.integers(0, 4)) == 0:
        made["CARGO_BUILD_TARGET"] = draw(st.sampled_from(installed_targets()))
    return made
