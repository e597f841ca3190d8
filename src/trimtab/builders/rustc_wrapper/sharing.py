"""Sharing units between the builds of a sweep over profiles: each distinct rustc call runs once.

Cargo gives every unit metadata and file names that depend on the profile, so nothing that was compiled for one profile
serves another, although most of rustc's arguments are the same. Here a call gets a *key*, a digest of everything that
it depends on; metadata and file names are made of the key, and the output files are cached under it. Cargo finds them
under the names that it expects.

Part of a key are: the compiler and its libraries, the arguments, the working directory, the environment, the content of
the package (of the whole tree for packages of the user's), output of build scripts, static libraries outside, and the
keys of the dependencies. The inputs that rustc reports (dep-info) must be among these; otherwise its result is not
cached. Nor is that of a call with an argument whose effect is not known here, or with a dependency that has no key.
Inputs that are not reported are not seen: a procedural macro can read a file without telling rustc, and Cargo does not
see that either.

Three more things are shared, since they are known to make no difference:

- ``strip`` of a library takes effect when a program is linked; that of a build script or procedural macro does not
  change what it does;
- ``strip`` of a program on Linux, where it is an argument of the linker: the program is linked from the same objects,
  once for each value that is wanted;
- in *embed mode*, the libraries for thin and fat LTO and those for ``off``, or for local: compiled to object code and
  bitcode, they serve all three. That is a property of the compiler and is tested for each; see :mod:`.embed_bitcode`.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import re
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from trimtab.builders.rustc_wrapper.embed_bitcode import BITCODE, BOTH, OBJECT_CODE
from trimtab.builders.rustc_wrapper.inputs import leads_linker_elsewhere, read_dep_info, stamps_outside
from trimtab.builders.rustc_wrapper.invocation import Option, RustcCall, library_id
from trimtab.builders.rustc_wrapper.key_context import KeyContext
from trimtab.builders.rustc_wrapper.recorder import Recorder, cost_of
from trimtab.builders.rustc_wrapper.server import CachedResult, Report, RunInstruction
from trimtab.builders.rustc_wrapper.tracer import LinkTracing, LinkWatch
from trimtab.builders.rustc_wrapper.unit_cache import (
    RECORD,
    CachedUnit,
    UnitCache,
    digest_of_folder,
    leads_outside,
    replace_file,
)
from trimtab.errors import InputError
from trimtab.model.build_progress import Stage
from trimtab.model.profile import Lto, Strip
from trimtab.model.trace import UnitKind

_DIGITS = 16
"""Digits of a key in metadata and file names; as many as Cargo uses."""
_CODEGEN = """
    metadata extra-filename opt-level codegen-units panic lto embed-bitcode linker-plugin-lto debuginfo strip
    debug-assertions overflow-checks split-debuginfo linker target-cpu target-feature relocation-model code-model
    force-frame-pointers force-unwind-tables rpath prefer-dynamic symbol-mangling-version inline-threshold
    no-prepopulate-passes link-dead-code link-arg link-args relro-level default-linker-libraries dwarf-version
    no-redzone soft-float tune-cpu link-self-contained linker-flavor control-flow-guard no-vectorize-loops
    no-vectorize-slp collapse-macro-debuginfo jump-tables
"""
_KNOWN_CODEGEN = frozenset(_CODEGEN.split())
"""``-C`` options whose effect depends on their values alone; ``profile-use``, for example, names a file."""
_UNKNOWABLE = ("-Z", "-o", "--test", "--sysroot", "--print", "--remap-path-prefix", "--env-set")
_EMITTED = frozenset(("dep-info", "metadata", "link"))
_MERGED = ("lto", "embed-bitcode", "linker-plugin-lto")
_SESSION = """
    CARGO_MAKEFLAGS MAKEFLAGS MFLAGS RUSTC_WRAPPER RUSTC_WORKSPACE_WRAPPER TRIMTAB_CACHE_SIZE TRIMTAB_SOCKET
    TRIMTAB_WORK _ PWD OLDPWD SHLVL TERM COLUMNS LINES
"""
_TRANSIENT = frozenset(_SESSION.split())
"""Variables that differ from run to run and that no compiler reads; a crate that does read one is not cached."""
_OUTPUT = r"(?:/[^/\s=:]+)*/build/[^/\s=:]+/out(?=$|[/\s:])"
"""Pattern of an ``OUT_DIR``, to follow the path of the target directory."""
_LONGEST_WAIT, _PAUSE = 600.0, 0.05
"""Seconds to wait for another build that makes the same entry, and between two attempts to lock it."""


@dataclass(kw_only=True)
class SharingListener:
    """Listener that takes the results of calls from the unit cache, or runs them and adds them to it."""

    recorder: Recorder
    links: LinkWatch
    entries: UnitCache
    basis: KeyContext
    packages: dict[Path, str] = field(default_factory=dict)
    """Folder of a package → digest of its files."""
    target: Path
    """The target directory."""
    ended: threading.Event
    """Set when the build has ended."""
    written: Callable[[Path], Path | None] = lambda _: None
    """Tells where that lies which the build has written at a path of the tree, if it was kept out of that."""
    _copies: dict[str, Path] = field(default_factory=dict, init=False)
    """``OUT_DIR`` of a build script → its copy at a path that does not depend on the profile."""
    _calls: dict[Path, _SharedCall] = field(default_factory=dict, init=False)
    """Output folder / unit id, as Cargo names them → call."""
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    @contextlib.contextmanager
    def called(self, call: RustcCall) -> Iterator[_SharedCall]:
        """A rustc call; its key stays locked until it has ended."""
        cargos_call, outputs = call, self._outputs(call)
        call = cargos_call.substituted(self._replacing(outputs))
        key = self._key(call, tuple(outputs.values()))
        with contextlib.ExitStack() as stack:
            begun = stack.enter_context(self.recorder.running(cargos_call))
            if key and not self.entries.has(key):
                stack.enter_context(self._held(key))
            strips = self._strips(call) if key else ()
            link = stack.enter_context(self.links.watching(call, strips))
            changed = {
                name: value for name, value in call.environment.items() if cargos_call.environment[name] != value
            }
            beside = stack.enter_context(self.recorder.activity.running())
            shared = _SharedCall(
                self, cargos_call, call, key, begun, link, strips, changed, tuple(outputs.values()), beside
            )
            with self._lock:
                self._calls[call.out_dir / call.id] = shared
            yield shared

    @contextlib.contextmanager
    def _held(self, key: str) -> Iterator[None]:
        """Hold a key's lock, or go on without it after a long wait: at worst the same work is done twice."""
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
        """``OUT_DIR`` folders that a call mentions → their copies."""
        texts = (*(option.value or "" for option in call.options), *call.environment.values())
        mentioned = {match.group() for text in texts for match in self._output.finditer(text)}
        for folder in sorted(
            mentioned - self._copies.keys()
        ):  # a call mentions it once its script has run: it no longer changes
            with contextlib.suppress(OSError):  # the disk is full: what reads it is not shared
                if Path(folder).is_dir() and not leads_outside(Path(folder)):
                    self._copies[folder] = self.entries.output(Path(folder))
        return {folder: self._copies[folder] for folder in sorted(mentioned & self._copies.keys())}

    @functools.cached_property
    def _output(self) -> re.Pattern[str]:
        return re.compile(re.escape(str(self.target)) + _OUTPUT)

    def _replacing(self, outputs: Mapping[str, Path]) -> Callable[[str], str]:
        """A function that replaces ``OUT_DIR`` folders in a text by their copies."""
        return lambda text: self._output.sub(lambda match: str(outputs.get(match.group(), match.group())), text)

    def maker(self, path: Path) -> _SharedCall | None:
        """The call that made a library."""
        return self._calls.get(path.parent / library_id(path))

    def key_of(self, path: Path) -> str:
        """The key of the call that made a library; empty if it has none that covers all of its inputs."""
        maker = self.maker(path)
        return maker.key if maker and maker.is_covered else ""

    def _expands_local_macro(self, call: RustcCall) -> bool:
        """Whether a call is given a procedural macro of the user's tree."""
        paths = (
            option.value.partition("=")[2] for option in call.options if option.name == "--extern" and option.value
        )
        makers = (self.maker(Path(path)) for path in paths if path)
        return any(maker and maker.is_local_macro for maker in makers)

    def is_local(self, package: Path) -> bool:
        """Whether a package belongs to the user's tree."""
        return package / "Cargo.toml" in self.basis.tree

    def embedding(self, call: RustcCall) -> Lto | None:
        """The ``lto`` with which a library serves thin and fat too; ``None`` for what embed mode does not merge."""
        mode = self.basis.embeds
        if mode is None or call.kind is not UnitKind.LIBRARY:
            return None
        if mode is Lto.LOCAL and call.codegen("opt-level") is None:
            return None  # dependencies of build scripts and procedural macros, which have the options of local
        values = tuple(option.value for option in call.options if option.codegen and option.codegen[0] in _MERGED)
        return mode if values in (OBJECT_CODE[mode], BITCODE) else None

    def _strips(self, call: RustcCall) -> tuple[str, ...]:
        """The values of ``strip`` that a program is linked for beside ``none``, if they are shared."""
        is_stripped_by_linker = "linux" in self.links.host and call.value("--target") in ("", self.links.host)
        is_wanted = (call.codegen("strip") or Strip.NONE) in self.basis.strips
        if call.kind is not UnitKind.PROGRAM or not is_stripped_by_linker or not is_wanted:
            return ()
        return tuple(strip.value for strip in self.basis.strips if strip is not Strip.NONE)

    def _key(self, call: RustcCall, outputs: tuple[Path, ...]) -> str:
        """Digest of everything that a call depends on; empty where that is not known."""
        arguments = []
        for option in call.options:
            argument = self._key_part(call, option)
            if argument is None:
                return ""
            arguments += [argument] if argument else []
        if not set(call.value("--emit").split(",")) <= _EMITTED or call.program not in self.basis.compilers:
            return ""
        manifest = Path(call.environment.get("CARGO_MANIFEST_DIR", ""))
        environment = {
            name: value.replace(str(self.target), "{target}")
            for name, value in sorted(call.environment.items())
            if name not in _TRANSIENT
        }
        parts = {
            "toolchain": self.basis.toolchain,
            "program": call.program,
            "arguments": arguments,
            "embedding": self.embedding(call),
            "folder": call.folder,
            "environment": environment,
            "package": self._package(manifest),
            "tree": self.basis.sources if self.is_local(manifest) else "",
            "outside": sorted(stamps_outside(call, outputs, self.written)),
            "sweep": self.basis.sweep if self.basis.fresh or self._expands_local_macro(call) else "",
        }
        text = json.dumps(parts, sort_keys=True).encode("utf-8", "surrogateescape")
        digest = hashlib.blake2b(text, digest_size=16).hexdigest()
        # A program that is linked in one way only has the symbols that it has when it is linked in several.
        is_own = call.kind is UnitKind.PROGRAM and not self._strips(call)
        return f"{digest}-{call.codegen('strip') or Strip.NONE}" if is_own else digest

    def _key_part(self, call: RustcCall, option: Option) -> str | None:  # noqa: PLR0911 - a table of cases
        """An option as part of the key; ``None`` for one whose effect is not known."""
        text = " ".join(option.argv())
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
        """Digest of a package's files; read once for each sweep."""
        if self.is_local(folder):
            return ""  # covered by the digest of the tree
        with self._lock:
            known = self.packages.get(folder)
        if known is None:
            known = digest_of_folder(folder)
            with self._lock:
                self.packages[folder] = known
        return known


class _SharedCall:
    """One call: answered from the cache, or run and added to it."""

    def __init__(
        self,
        listener: SharingListener,
        cargos_call: RustcCall,
        call: RustcCall,
        key: str,
        begun: float,
        link: LinkTracing,
        strips: tuple[str, ...],
        environment: Mapping[str, str],
        outputs: tuple[Path, ...],
        beside: Callable[[], float],
    ) -> None:
        self._listener, self._cargos_call, self._call = listener, cargos_call, call
        self.key, self._begun, self._link = key, begun, link
        self._strips, self._environment, self._outputs, self._beside = strips, environment, outputs, beside
        self._extra = f"-{key[:_DIGITS]}" if key and call.extra_filename else call.extra_filename

    @property
    def is_local_macro(self) -> bool:
        """Whether it makes a procedural macro of the user's tree."""
        package = Path(self._call.environment.get("CARGO_MANIFEST_DIR", ""))
        return self._call.kind is UnitKind.MACRO and self._listener.is_local(package)

    def answer(self) -> RunInstruction | CachedResult:
        """The cached result, or a run with metadata and file names that are made of the key."""
        entry = self._listener.entries.find(self.key) if self.key else None
        if entry and self._has_variants(entry.files):
            with contextlib.suppress(OSError):  # it was just removed, or the disk is full, which rustc will report
                self._lay_out(entry)
                self.is_covered = True  # else it would not have been cached
                self._listener.recorder.add(self._cargos_call, self._begun, entry.cost, reused=True)
                return CachedResult(stderr=entry.stderr.encode())
        call = self._call
        run = call.changed(self._as_run)
        more = [text for option in BOTH[self._embedding] for text in ("-C", option)] if self._embedding else []
        library = call.out_dir / f"lib{call.crate}{self._extra}.rmeta"
        return RunInstruction(
            argv=(call.program, *run.arguments, *more, *self._link.arguments),
            environment={**self._environment, **self._link.environment},
            links=((library, self._as_cargo_names(library)),) if self.key and call.extra_filename else (),
        )

    def reached(self, stage: Stage) -> None:
        """Record the stage."""
        self._listener.recorder.reached(self._cargos_call, stage)

    def ended(self, report: Report) -> None:
        """Give Cargo the files under the names that it expects, and cache them."""
        self._listener.recorder.ran(report)
        if not report.ok:
            return
        cost = cost_of(self._call, report, self._link.phase(report), self._beside())
        self._listener.recorder.add(self._cargos_call, self._begun, cost, reused=False)
        if not self.key:
            return
        files = self._files()
        if self.is_covered and self._has_variants(files):
            with contextlib.suppress(OSError):  # the disk is full: what is not cached is made again
                self._listener.entries.keep(
                    self.key, self._call.crate, files, cost, report.stderr.decode("utf-8", "replace")
                )
        self._name(files)

    def _as_run(self, option: Option) -> Option | None:
        """An option as rustc gets it; ``None`` to leave it out."""
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
        return self._listener.embedding(self._call) if self.key else None

    def _renamed(self, path: Path) -> Path:
        """The path of a library with the name that is made of its key."""
        maker = self._listener.maker(path)
        crate, dash, _ = path.name.partition(".")[0].rpartition("-")
        return path.with_name(f"{crate}-{maker.key[:_DIGITS]}{path.suffix}") if maker and maker.key and dash else path

    def _files(self) -> dict[str, Path]:
        """Output files by name."""
        stem = f"{self._call.crate}{self._extra}"
        named = (path for path in self._call.out_dir.iterdir() if path.name.partition(".")[0] in (stem, f"lib{stem}"))
        return {path.name: path for path in named if path.is_file()}

    def _lay_out(self, entry: CachedUnit) -> None:
        """Put an entry's files into the output folder."""
        folder, out_dir = self._listener.entries.entry_folder(self.key), self._call.out_dir
        out_dir.mkdir(parents=True, exist_ok=True)
        files = {name: out_dir / name for name in entry.files}
        for name, path in files.items():
            replace_file(folder / name, path)
        self._name(files)

    def _name(self, files: Mapping[str, Path]) -> None:
        """Link files to the names that Cargo expects; for a program, the variant that is stripped as asked."""
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
        """Whether the key covers all inputs that rustc reports, which it does together with the metadata."""
        call = self._call
        try:
            record = (call.out_dir / f"{call.crate}{self._extra}.d").read_text("utf-8", "replace")
        except OSError:
            return False
        sources, variables = read_dep_info(record)
        if any(name in _TRANSIENT or str(self._listener.target) in value for name, value in variables.items()):
            return False
        outputs = [folder.resolve() for folder in self._outputs]
        package = Path(call.environment.get("CARGO_MANIFEST_DIR", ""))
        inside = None if self._listener.is_local(package) else package.resolve()
        paths = (Path(os.path.normpath(Path(call.folder) / source)) for source in sources)
        return all(self._covers(path, outputs, inside) for path in paths)

    def _covers(self, source: Path, outputs: Sequence[Path], package: Path | None) -> bool:
        """Whether the content of a file is part of the key; symbolic links are followed.

        Args:
            source: the file.
            outputs: content-addressed folders.
            package: the folder in which it must lie; ``None`` for a package of the user's tree.
        """
        basis, real = self._listener.basis, source.resolve()
        if any(real.is_relative_to(folder) for folder in outputs):
            return real.suffix != RECORD
        try:
            status = real.stat()
        except OSError:
            return False
        if status.st_ctime > basis.since or self._listener.written(source) or self._listener.written(real):
            return False
        if package:
            return real.is_relative_to(package)
        # A folder that replaced another may have files with old dates.
        known = basis.tree.get(real if source.is_symlink() else source)
        return source in basis.tree and known == (status.st_size, status.st_mtime_ns)

    def _has_variants(self, names: Collection[str]) -> bool:
        """Whether a program is there with each value of ``strip`` that is wanted."""
        return all(any(name.endswith(f".{strip}") for name in names) for strip in self._strips)
