"""Calls of rustc as Cargo 1.95 makes them, a rustc that compiles nothing, and the wrapper's end of the socket."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from trimtab.builders.rustc_wrapper.invocation import RustcCall
from trimtab.builders.rustc_wrapper.server import Report, RunInstruction

FIELDS = {
    "since": 1_000_000.0, "wall": 2.0, "cpu": 3.0, "largest": 9000.0, "metadata_wall": 0.5, "metadata_cpu": 0.4,
    "own": 100.0, "shared": 50.0, "lto_begin": -1.0, "cpu_before_lto": 0.0, "cargo_cpu": 0.25, "signal": 0.0,
    "code": 0.0,
}  # fmt: skip
"""What the wrapper reports of a run that went well."""
_WORDS = """
    --crate-name {crate} --edition=2021 {source} --error-format=json --json=diagnostic-rendered-ansi,artifacts
    {types} --emit={emit} {level} {lto} -C codegen-units=16 --check-cfg cfg(docsrs,test) -C metadata={metadata}
    -C extra-filename=-{unit} --out-dir {out} -C strip=debuginfo -L dependency={out}
"""


@dataclass(frozen=True, kw_only=True)
class Crate:
    """What Cargo compiles, and how it is called for that."""

    name: str = "base"
    types: tuple[str, ...] = ("lib",)
    package: Path
    """Its folder; the workspace's root is the one above."""
    target: Path
    """The target directory."""
    unit: str = "0123456789abcdef"
    """What Cargo adds to file names: another under each profile."""
    level: str = "-C opt-level=3"
    lto: str = "-C embed-bitcode=no"
    needs: tuple[Crate, ...] = ()
    more: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)

    def but(self, *more: str, **changes: object) -> Crate:
        """The same, told some words more and with other fields."""
        return replace(self, more=(*self.more, *more), **changes)  # type: ignore[arg-type]

    @property
    def out(self) -> Path:
        """Where its files go."""
        return self.target / "release" / "deps"

    @property
    def library(self) -> Path:
        """The file that others name."""
        return self.out / f"lib{self.name}-{self.unit}.{'so' if self.types == ('proc-macro',) else 'rlib'}"

    @property
    def words(self) -> tuple[str, ...]:
        """What stands on the command line after rustc."""
        said = _WORDS.format(
            crate=self.name,
            source=f"{self.package.name}/src/lib.rs",
            types=" ".join(f"--crate-type {kind}" for kind in self.types),
            emit="dep-info,metadata,link" if self.types == ("lib",) else "dep-info,link",
            level=self.level,
            lto=self.lto,
            metadata=self.unit[::-1],
            unit=self.unit,
            out="{out}",
        )
        words = (word.replace("{out}", str(self.out)) for word in said.split())
        externs = (word for need in self.needs for word in ("--extern", f"{need.name}={need.library}"))
        return (*words, *externs, *self.more)

    @property
    def variables(self) -> dict[str, str]:
        """What it runs with."""
        return {
            "PATH": "/bin",
            "CARGO_MANIFEST_DIR": str(self.package),
            "CARGO_PKG_NAME": self.name,
            "CARGO_PKG_VERSION": "0.1.0",
            "CARGO_TARGET_DIR": str(self.target),
            "LD_LIBRARY_PATH": str(self.out),
            **self.environment,
        }

    @property
    def call(self) -> RustcCall:
        """The call as it is read."""
        return RustcCall.read(str(self.package.parent), ("rustc", *self.words), self.variables)


def compile_with(
    run: RunInstruction,
    call: RustcCall,
    *,
    reads: Iterable[Path | str] = (),
    variables: Mapping[str, str] | None = None,
) -> RustcCall:
    """Do what rustc and the linker would leave behind: files that hold the words that they were made with.

    Args:
        run: what rustc is told.
        call: what Cargo asked for.
        reads: the sources that dep-info names.
        variables: those that dep-info names.

    Returns:
        The call as rustc saw it.
    """
    told = RustcCall.read(call.folder, run.argv, {**call.environment, **run.environment})
    told.out_dir.mkdir(parents=True, exist_ok=True)
    types = [option.value for option in told.options if option.name == "--crate-type"]
    names = {"lib": (".rlib", ".rmeta"), "proc-macro": (".so",), "cdylib": (".so",), "staticlib": (".a",)}
    made = [f"lib{told.id}{ending}" for kind in types for ending in names.get(kind or "", ())]
    made += [told.id] if "bin" in types else []
    text = " ".join(run.argv)
    for name in made:
        (told.out_dir / name).write_text(text)
        for strip in filter(None, run.environment.get("TRIMTAB_STRIPS", "").split(",")):
            if not name.endswith(("rlib", "rmeta", ".a")):
                (told.out_dir / f"{name}.{strip}").write_text(f"{text} {strip}")
    sources = [str(source).replace(" ", "\\ ") for source in reads]
    record = [f"{told.out_dir / made[-1]}: {' '.join(sources)}", "", *(f"{source}:\n" for source in sources)]
    record += [f"# env-dep:{name}={value}" for name, value in (variables or {}).items()]
    (told.out_dir / f"{told.id}.d").write_text("\n".join(record) + "\n")
    for source, to in run.links:
        if source.exists():
            to.unlink(missing_ok=True)
            to.hardlink_to(source)
    return told


def report(**fields: float) -> Report:
    """How a run went: well, with a warning, unless told otherwise."""
    return Report(fields={**FIELDS, **fields}, stderr=b"a warning\n")


class Wrapper:
    """The wrapper's end of the socket."""

    def __init__(self, place: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(20)
        self._socket.connect(str(place))

    def __enter__(self) -> Wrapper:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def hang_up(self) -> None:
        """End the conversation, as when it is killed."""
        self._socket.close()

    def ask(self, call: RustcCall) -> list[list[bytes]]:
        """Say what Cargo asked for; gives the answer, one message or four."""
        self.send([call.folder, call.program, *call.arguments])
        self.send([f"{name}={value}" for name, value in call.environment.items()])
        first = self.receive()
        return [first] if first else [first, *(self.receive() for _ in range(3))]

    def tell(self, fields: Mapping[str, float], said: bytes = b"") -> list[bytes]:
        """Say how the run went; gives what comes back when all is done."""
        self.send([" ".join(f"{name}={value}" for name, value in fields.items()), said])
        return self.receive()

    def send(self, items: Iterable[str | bytes]) -> None:
        """Send a message."""
        encoded = [item if isinstance(item, bytes) else item.encode("utf-8", "surrogateescape") for item in items]
        self.send_bytes(b"".join([_number(len(encoded)), *(_number(len(item)) + item for item in encoded)]))

    def send_bytes(self, data: bytes) -> None:
        """Send a part of a message."""
        self._socket.sendall(data)

    def receive(self) -> list[bytes]:
        """Receive a message."""
        return [self._read(self._count()) for _ in range(self._count())]

    def _count(self) -> int:
        return int(struct.unpack("<I", self._read(4))[0])

    def _read(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            part = self._socket.recv(size - len(data))
            if not part:
                raise EOFError
            data += part
        return data


def _number(value: int) -> bytes:
    return struct.pack("<I", value)
