"""Doing each distinct piece of rustc's work once in a sweep over profiles.

Cargo gives every unit a metadata and file names of its own under each profile, so nothing that was compiled under one
serves another, although most of what rustc is told is the same. Here a call gets a *key* that stands for everything it
depends on; metadata and file names are made of the key; and what it has made is kept under the key. Cargo finds the
files under the names that it expects.

A key stands for: the compiler and its libraries, the words of the call, the folder it runs in, the variables it runs
with, the contents of the package, for packages in the user's tree those of all of the tree, what build scripts wrote,
static libraries outside, and the keys of the crates that it names. What a call read by its own account (the dep-info
that rustc writes) must lie within that; if not, its result is not kept. A call with words whose effect is not known
here, or with a dependency that has no key, is run and not kept. What no account is given of does not count: a
procedural macro can read a file without telling rustc, and Cargo itself does not see that either.

Three more things are shared, since they are known to make no difference:

- ``strip`` of a library takes effect when a program is linked; that of a build script or procedural macro does not
  change what it does;
- ``strip`` of a program on Linux, where it is a word for the linker: the program is linked once for each value that is
  wanted, from the same objects;
- in *embed mode*, the libraries for thin and fat LTO and those for ``off``, or for local: compiled with object code and
  bitcode, they serve all three. That is a property of the compiler and has to be checked for each; see
  :mod:`.embedding`.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import re
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from trimtab.builders.rustc_wrapper.embed_bitcode import BITCODE, BOTH, OBJECT_CODE
from trimtab.builders.rustc_wrapper.inputs import leads_linker_elsewhere, read_dep_info, stamps_outside
from trimtab.builders.rustc_wrapper.invocation import Option, RustcCall, library_id
from trimtab.builders.rustc_wrapper.recorder import Recorder, cost_of
from trimtab.builders.rustc_wrapper.server import AlreadyMade, Report, RunInstruction
from trimtab.builders.rustc_wrapper.tracer import LinkWatch, WatchedLink
from trimtab.builders.rustc_wrapper.unit_cache import (
    RECORD,
    CachedUnit,
    UnitCache,
    digest_of_folder,
    leads_outside,
    replace_file,
)
from trimtab.errors import InputError
from trimtab.model.profile import Lto, Strip
from trimtab.model.trace import UnitKind

_DIGITS = 16
"""Of a key, in metadata and file names; as many as Cargo takes."""
_CODEGEN = """
    metadata extra-filename opt-level codegen-units panic lto embed-bitcode linker-plugin-lto debuginfo strip
    debug-assertions overflow-checks split-debuginfo linker target-cpu target-feature relocation-model code-model
    force-frame-pointers force-unwind-tables rpath prefer-dynamic symbol-mangling-version inline-threshold
    no-prepopulate-passes link-dead-code link-arg link-args relro-level default-linker-libraries dwarf-version
    no-redzone soft-float tune-cpu link-self-contained linker-flavor control-flow-guard no-vectorize-loops
    no-vectorize-slp collapse-macro-debuginfo jump-tables
"""
_KNOWN_CODEGEN = frozenset(_CODEGEN.split())
"""Options of ``-C`` that change the result by their own words alone; profiles for PGO, for example, are files."""
_UNKNOWABLE = ("-Z", "-o", "--test", "--sysroot", "--print", "--remap-path-prefix", "--env-set")
_EMITTED = frozenset(("dep-info", "metadata", "link"))
_MERGED = ("lto", "embed-bitcode", "linker-plugin-lto")
_SESSION = """
    CARGO_MAKEFLAGS MAKEFLAGS MFLAGS RUSTC_WRAPPER RUSTC_WORKSPACE_WRAPPER TRIMTAB_SOCKET TRIMTAB_WORK _ PWD OLDPWD
    SHLVL TERM COLUMNS LINES
"""
_PASSING = frozenset(_SESSION.split())
"""Variables that differ from run to run and that no compiler reads; a crate that does read one is not kept."""
_LIBRARY_PATHS = ("LD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH")
"""What programs need to start, rather than what they read."""
_OUTPUT = r"(?:/[^/\s=:]+)*/build/[^/\s=:]+/out(?=$|[/\s:])"
"""Below the target directory."""
_LONGEST_WAIT, _PAUSE = 600.0, 0.05


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyContext:
    """What all calls of a project have in common."""

    toolchain: str
    """Stands for the compiler, its libraries and the linker."""
    sources: str
    """Digest of the user's tree."""
    tree: Mapping[Path, tuple[int, int]]
    """The files that it stands for, with their bytes and their dates in nanoseconds."""
    compilers: Collection[str]
    """What Cargo may call the compiler that `toolchain` stands for."""
    strips: tuple[Strip, ...] = ()
    """The values of ``strip`` that are wanted, if there are several."""
    embeds: Lto | None = None
    """The ``lto`` whose libraries serve thin and fat too, in embed mode: off or local; ``None`` for no embed mode."""
    since: float = field(default_factory=time.time)
    """When that was found out, in seconds since 1970: what changed later is not what the digests stand for."""


@dataclass(kw_only=True)
class SharingConversation:
    """Deals with the calls of one build; what it may take from others lies in the entries."""

    recorder: Recorder
    links: LinkWatch
    entries: UnitCache
    basis: KeyContext
    packages: dict[Path, str] = field(default_factory=dict)
    """Folder of a package → digest of what it holds."""
    target: Path
    """The target directory."""
    ended: threading.Event
    """That nobody waits for an answer any more."""
    _copies: dict[str, Path] = field(default_factory=dict, init=False)
    """Folder that a build script wrote to → copy."""
    _calls: dict[Path, _Shared] = field(default_factory=dict, init=False)
    """The calls so far, by the folder that a call's files go to and its id, as Cargo names them."""
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    @contextlib.contextmanager
    def called(self, call: RustcCall) -> Iterator[_Shared]:
        """A call of rustc."""
        begun = self.recorder.now()
        asked, outputs = call, self._outputs(call)
        call = _with_outputs(asked, self._fixing(outputs))
        key = self._key(call, tuple(outputs.values()))
        with contextlib.ExitStack() as stack:
            if key and not self.entries.has(key):
                stack.enter_context(self._held(key))
            strips = self._strips(call) if key else ()
            link = stack.enter_context(self.links.watching(call, strips))
            changed = {name: value for name, value in call.environment.items() if asked.environment[name] != value}
            beside = stack.enter_context(self.recorder.activity.running())
            shared = _Shared(self, asked, call, key, begun, link, strips, changed, tuple(outputs.values()), beside)
            with self._lock:
                self._calls[call.out_dir / call.id] = shared
            yield shared

    @contextlib.contextmanager
    def _held(self, key: str) -> Iterator[None]:
        """Hold a key's lock, or give up on that after a long time: what comes of it is that work is done twice."""
        with contextlib.ExitStack() as stack:
            for _ in range(int(_LONGEST_WAIT / _PAUSE)):
                try:
                    if stack.enter_context(self.entries.hold(key)):
                        break
                except InputError:  # the disk is full
                    break
                stack.close()
                if self.ended.wait(_PAUSE):
                    break
            yield

    def _outputs(self, call: RustcCall) -> dict[str, Path]:
        """Folders that build scripts wrote to → copies at places that do not depend on the profile."""
        texts = (*(option.value or "" for option in call.options), *call.environment.values())
        found = {match.group() for text in texts for match in self._output.finditer(text)}
        for folder in sorted(found - self._copies.keys()):  # named once its script has run, so that it stays as it is
            with contextlib.suppress(OSError):  # the disk is full: what reads it is not shared
                if Path(folder).is_dir() and not leads_outside(Path(folder)):
                    self._copies[folder] = self.entries.output(Path(folder))
        return {folder: self._copies[folder] for folder in sorted(found & self._copies.keys())}

    @functools.cached_property
    def _output(self) -> re.Pattern[str]:
        return re.compile(re.escape(str(self.target)) + _OUTPUT)

    def _fixing(self, outputs: Mapping[str, Path]) -> Callable[[str], str]:
        """Puts the copies of folders in the place of their names."""
        return lambda text: self._output.sub(lambda match: str(outputs.get(match.group(), match.group())), text)

    def maker(self, path: Path) -> _Shared | None:
        """The call that makes a library."""
        return self._calls.get(path.parent / library_id(path))

    def key_of(self, path: Path) -> str:
        """The key of the unit that makes a library; nothing if it has none that stands for all that it has read."""
        maker = self.maker(path)
        return maker.key if maker and maker.is_covered else ""

    def is_local(self, package: Path) -> bool:
        """Whether a package belongs to the user's tree."""
        return package / "Cargo.toml" in self.basis.tree

    def embedding(self, call: RustcCall) -> Lto | None:
        """The ``lto`` with which a library serves thin and fat too; ``None`` for what embed mode does not merge."""
        mode = self.basis.embeds
        if mode is None or call.kind is not UnitKind.LIBRARY:
            return None
        if mode is Lto.LOCAL and call.codegen("opt-level") is None:
            return None  # what build scripts and procedural macros need, which has the words of local
        said = tuple(option.value for option in call.options if option.codegen and option.codegen[0] in _MERGED)
        return mode if said in (OBJECT_CODE[mode], BITCODE) else None

    def _strips(self, call: RustcCall) -> tuple[str, ...]:
        """The values of ``strip`` that a program is linked for beside ``none``, if they are shared."""
        is_stripped_by_linker = "linux" in self.links.host and call.value("--target") in ("", self.links.host)
        is_wanted = (call.codegen("strip") or Strip.NONE) in self.basis.strips
        if call.kind is not UnitKind.PROGRAM or not is_stripped_by_linker or not is_wanted:
            return ()
        return tuple(strip.value for strip in self.basis.strips if strip is not Strip.NONE)

    def _key(self, call: RustcCall, outputs: tuple[Path, ...]) -> str:
        """Stands for everything that a call depends on; nothing where that cannot be told."""
        words = []
        for option in call.options:
            word = self._word(call, option)
            if word is None:
                return ""
            words += [word] if word else []
        if not set(call.value("--emit").split(",")) <= _EMITTED or call.program not in self.basis.compilers:
            return ""
        manifest = Path(call.environment.get("CARGO_MANIFEST_DIR", ""))
        environment = {
            name: value.replace(str(self.target), "{target}")
            for name, value in sorted(call.environment.items())
            if name not in _PASSING
        }
        parts = {
            "toolchain": self.basis.toolchain,
            "program": call.program,
            "words": words,
            "embedding": self.embedding(call),
            "folder": call.folder,
            "environment": environment,
            "package": self._package(manifest),
            "tree": self.basis.sources if self.is_local(manifest) else "",
            "outside": sorted(stamps_outside(call, outputs)),
        }
        text = json.dumps(parts, sort_keys=True).encode("utf-8", "surrogateescape")
        digest = hashlib.blake2b(text, digest_size=16).hexdigest()
        # A program that is linked in one way only has the symbols that it has when it is linked in several.
        is_own = call.kind is UnitKind.PROGRAM and not self._strips(call)
        return f"{digest}-{call.codegen('strip') or Strip.NONE}" if is_own else digest

    def _word(self, call: RustcCall, option: Option) -> str | None:  # noqa: PLR0911 - a table of cases
        """A word as it counts for the key; ``None`` for one whose effect cannot be told."""
        text = " ".join(option.words())
        if option.name in _UNKNOWABLE or option.name.startswith("@"):
            return None
        if option.name == "--target" and text.endswith(".json"):
            return None
        if option.name == "--out-dir" or (option.name == "-L" and (option.value or "").startswith("dependency=")):
            return ""
        if option.name == "--extern" and option.value and "=" in option.value:
            name, _, path = option.value.partition("=")
            key = self.key_of(Path(path))
            return f"--extern {name}={key}{Path(path).suffix}" if key else None
        if codegen := option.codegen:
            name, _ = codegen
            if name not in _KNOWN_CODEGEN or (call.kind.links and leads_linker_elsewhere(option)):
                return None
            if name in ("metadata", "extra-filename"):
                return name
            if name == "strip":
                return ""
            if name in _MERGED and self.embedding(call):
                return ""
        return None if str(self.target) in text else text

    def _package(self, folder: Path) -> str:
        """Stands for what a package holds; read once for each sweep."""
        if self.is_local(folder):
            return ""  # the digest of the tree stands for it
        with self._lock:
            known = self.packages.get(folder)
        if known is None:
            known = digest_of_folder(folder)
            with self._lock:
                self.packages[folder] = known
        return known


class _Shared:
    """One call."""

    def __init__(
        self,
        sharer: SharingConversation,
        asked: RustcCall,
        call: RustcCall,
        key: str,
        begun: float,
        link: WatchedLink,
        strips: tuple[str, ...],
        environment: Mapping[str, str],
        outputs: tuple[Path, ...],
        beside: Callable[[], float],
    ) -> None:
        self._sharer, self._asked, self._call = sharer, asked, call
        self.key, self._begun, self._link = key, begun, link
        self._strips, self._environment, self._outputs, self._beside = strips, environment, outputs, beside
        self._extra = f"-{key[:_DIGITS]}" if key and call.extra_filename else call.extra_filename

    def answer(self) -> RunInstruction | AlreadyMade:
        """Nothing where the result is there; else a run under names that are made of the key."""
        entry = self._sharer.entries.find(self.key) if self.key else None
        if entry and self._has_variants(entry.files):
            with contextlib.suppress(OSError):  # it was just removed, or the disk is full: rustc will say so
                self._lay_out(entry)
                self.is_covered = True  # else it would not have been kept
                self._sharer.recorder.add(self._asked, self._begun, entry.cost, reused=True)
                return AlreadyMade(said=entry.said.encode())
        call = self._call
        run = call.changed(self._told)
        more = [word for option in BOTH[self._embedding] for word in ("-C", option)] if self._embedding else []
        library = call.out_dir / f"lib{call.crate}{self._extra}.rmeta"
        return RunInstruction(
            argv=(call.program, *run.arguments, *more, *self._link.arguments),
            environment={**self._environment, **self._link.environment},
            links=((library, self._as_cargo_names(library)),) if self.key and call.extra_filename else (),
        )

    def ended(self, report: Report) -> None:
        """Give Cargo the files under its own names, and keep them."""
        self._sharer.recorder.ran(report)
        if not report.ok:
            return
        cost = cost_of(self._call, report, self._link.phase(report), self._beside())
        self._sharer.recorder.add(self._asked, self._begun, cost, reused=False)
        if not self.key:
            return
        files = self._files()
        if self.is_covered and self._has_variants(files):
            with contextlib.suppress(OSError):  # the disk is full: what is not kept is made again
                self._sharer.entries.keep(
                    self.key, self._call.crate, files, cost, report.said.decode("utf-8", "replace")
                )
        self._name(files)

    def _told(self, option: Option) -> Option | None:
        """An option as rustc is told it."""
        if option.name == "--extern" and option.value and "=" in option.value:
            name, _, path = option.value.partition("=")
            return Option(name="--extern", value=f"{name}={self._renamed(Path(path))}")
        if not self.key or not (codegen := option.codegen):
            return option
        replaced = {"metadata": f"metadata={self.key[:_DIGITS]}", "extra-filename": f"extra-filename={self._extra}"}
        if (name := codegen[0]) in replaced:
            return Option(name="-C", value=replaced[name])
        is_link = self._call.kind is UnitKind.PROGRAM and not self._strips
        return None if (name in _MERGED and self._embedding) or (name == "strip" and not is_link) else option

    @functools.cached_property
    def _embedding(self) -> Lto | None:
        """The ``lto`` that it is compiled with in embed mode, if it is."""
        return self._sharer.embedding(self._call) if self.key else None

    def _renamed(self, path: Path) -> Path:
        """A library under the name that is made of its key."""
        maker = self._sharer.maker(path)
        crate, dash, _ = path.name.partition(".")[0].rpartition("-")
        return path.with_name(f"{crate}-{maker.key[:_DIGITS]}{path.suffix}") if maker and maker.key and dash else path

    def _files(self) -> dict[str, Path]:
        """What was made: name → file."""
        stem = f"{self._call.crate}{self._extra}"
        named = (path for path in self._call.out_dir.iterdir() if path.name.partition(".")[0] in (stem, f"lib{stem}"))
        return {path.name: path for path in named if path.is_file()}

    def _lay_out(self, entry: CachedUnit) -> None:
        """Put an entry's files where Cargo and later calls look for them."""
        place, out_dir = self._sharer.entries.place(self.key), self._call.out_dir
        out_dir.mkdir(parents=True, exist_ok=True)
        files = {name: out_dir / name for name in entry.files}
        for name, path in files.items():
            replace_file(place / name, path)
        self._name(files)

    def _name(self, files: Mapping[str, Path]) -> None:
        """Give files the names by which Cargo knows them; of a program, the one that is stripped as asked."""
        stripped = f".{self._call.codegen('strip') or 'none'}"
        variants = tuple(f".{strip}" for strip in self._strips)
        for name, path in files.items():
            if not name.endswith(variants):
                twin = files.get(f"{name}{stripped}", path)
                to = self._as_cargo_names(path)
                if to != twin:
                    replace_file(twin, to)

    def _as_cargo_names(self, path: Path) -> Path:
        return path.with_name(
            path.name.replace(self._extra, self._call.extra_filename, 1) if self._extra else path.name
        )

    @functools.cached_property
    def is_covered(self) -> bool:
        """Whether the key stands for all that rustc has read by its own account, which is known with the metadata."""
        call = self._call
        try:
            record = (call.out_dir / f"{call.crate}{self._extra}.d").read_text("utf-8", "replace")
        except OSError:
            return False
        sources, variables = read_dep_info(record)
        if any(name in _PASSING or str(self._sharer.target) in value for name, value in variables.items()):
            return False
        outputs = [folder.resolve() for folder in self._outputs]
        package = Path(call.environment.get("CARGO_MANIFEST_DIR", ""))
        inside = None if self._sharer.is_local(package) else package.resolve()
        paths = (Path(os.path.normpath(Path(call.folder) / source)) for source in sources)
        return all(self._stands_for(path, outputs, inside) for path in paths)

    def _stands_for(self, source: Path, outputs: Sequence[Path], package: Path | None) -> bool:
        """Whether the key stands for what is in a file, wherever links lead to.

        Args:
            source: the file.
            outputs: folders whose names stand for what they hold.
            package: the folder that it must lie in; nothing for a package of the user's tree.
        """
        basis, real = self._sharer.basis, source.resolve()
        if any(real.is_relative_to(folder) for folder in outputs):
            return real.suffix != RECORD
        try:
            status = real.stat()
        except OSError:
            return False
        if status.st_ctime > basis.since:
            return False
        if package:
            return real.is_relative_to(package)
        # A folder that took another's place has files with old dates.
        known = basis.tree.get(real if source.is_symlink() else source)
        return source in basis.tree and known == (status.st_size, status.st_mtime_ns)

    def _has_variants(self, names: Collection[str]) -> bool:
        """Whether a program is there in all ways to strip it that are wanted."""
        return all(any(name.endswith(f".{strip}") for name in names) for strip in self._strips)


def _with_outputs(call: RustcCall, fixed: Callable[[str], str]) -> RustcCall:
    """A call that reads what build scripts wrote at other places."""
    return replace(
        call.changed(lambda option: replace(option, value=option.value and fixed(option.value))),
        environment={
            name: value if name in _LIBRARY_PATHS else fixed(value) for name, value in call.environment.items()
        },
    )
