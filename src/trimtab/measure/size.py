"""Size: bytes as shipped, stripped and compressed, binary by binary and as a whole; of a wheel too."""

from __future__ import annotations

import contextlib
import gzip
import lzma
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from trimtab.artifact.archives.unpack import unpack
from trimtab.errors import MissingError
from trimtab.model.metric import Absent, Measurement
from trimtab.model.trial import Artifact
from trimtab.system.process import Command, Runner

_NO_STRIP = "no objcopy works here; install binutils"
GZIP_LEVEL, XZ_PRESET = 9, 6
_SHOWN = {
    "size.file": "bytes of the file as shipped",
    "size.gzip": f"gzip -{GZIP_LEVEL}",
    "size.xz": f"xz -{XZ_PRESET}",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class StripTool:
    """A program that removes all symbols from a binary, given the input and the output file."""

    program: str
    name: str
    environment: Mapping[str, str]


def find_strip_tool(runner: Runner, sysroot: Path, host: str) -> StripTool | None:
    """First program that works of the toolchain's own ``rust-objcopy`` and the system's.

    rustc itself strips through the linker or through ``rust-objcopy``; what different tools leave differs by a few
    bytes, so the measurement names the tool.
    """
    plain = dict(os.environ)
    # rustup's rust-objcopy is linked against the LLVM beside rustc, which it does not find by itself.
    beside_rustc = {**plain, "LD_LIBRARY_PATH": str(sysroot / "lib"), "DYLD_LIBRARY_PATH": str(sysroot / "lib")}
    bundled = sysroot / "lib" / "rustlib" / host / "bin" / "rust-objcopy"
    for program, environment in ((str(bundled), beside_rustc), ("llvm-objcopy", plain), ("objcopy", plain)):
        with contextlib.suppress(MissingError):
            if runner.run(Command(argv=(program, "--version"), environment=environment)).ok:
                return StripTool(program=program, name=f"{Path(program).name} --strip-all", environment=environment)
    return None


class SizeProbe:
    """Weighs each binary; with several, ``size.file`` is the whole and ``size.file[NAME]`` each one."""

    def __init__(self, runner: Runner, strip: StripTool | None) -> None:
        self._runner = runner
        self._strip = strip

    def measure(
        self,
        artifacts: tuple[Artifact, ...],
        baseline: tuple[Artifact, ...],  # noqa: ARG002 - a size needs nothing to compare with
    ) -> Iterator[Measurement | Absent]:
        """Bytes, as shipped and after strip, gzip and xz."""
        weighed = {artifact.name: self._weigh(artifact) for artifact in artifacts}
        stripped_with = self._strip.name if self._strip else ""
        for metric in ("size.file", "size.stripped", "size.gzip", "size.xz"):
            method = _SHOWN.get(metric, stripped_with)
            values = {name: sizes[metric] for name, sizes in weighed.items() if metric in sizes}
            if len(values) < len(weighed):
                reason = f"{stripped_with} failed" if self._strip else _NO_STRIP
                yield Absent(name=metric, reason=reason, needs="" if self._strip else "objcopy")
                continue
            yield Measurement(name=metric, value=sum(values.values()), unit="bytes", method=method)
            if len(values) > 1:
                for name, value in values.items():
                    yield Measurement(name=f"{metric}[{name}]", value=value, unit="bytes", method=method)

    def _weigh(self, artifact: Artifact) -> dict[str, int]:
        content = Path(artifact.path).read_bytes()
        sizes = {
            "size.file": len(content),
            "size.gzip": len(gzip.compress(content, GZIP_LEVEL, mtime=0)),
            "size.xz": len(lzma.compress(content, preset=XZ_PRESET)),
        }
        stripped = self._stripped_size(artifact)
        return sizes if stripped is None else {**sizes, "size.stripped": stripped}

    def _stripped_size(self, artifact: Artifact) -> int | None:
        if self._strip is None:
            return None
        with tempfile.TemporaryDirectory(prefix="trimtab-") as scratch:
            output = Path(scratch) / "stripped"
            argv = (self._strip.program, "--strip-all", artifact.path, str(output))
            finished = self._runner.run(Command(argv=argv, environment=self._strip.environment))
            return output.stat().st_size if finished.ok and output.exists() else None


class WheelSizeProbe:
    """Weighs a wheel and the binaries in it, as they are installed."""

    def __init__(self, binaries: SizeProbe) -> None:
        self._binaries = binaries

    def measure(
        self, artifacts: tuple[Artifact, ...], baseline: tuple[Artifact, ...]
    ) -> Iterator[Measurement | Absent]:
        """``size.wheel``, the bytes that are downloaded, and the sizes of the binaries."""
        wheel = artifacts[0]
        yield Measurement(name="size.wheel", value=wheel.size, unit="bytes", method="the wheel as it is downloaded")
        with tempfile.TemporaryDirectory(prefix="trimtab-") as scratch, tempfile.TemporaryDirectory() as opened:
            members: list[Artifact] = []
            for packed in unpack(Path(wheel.path), Path(opened)):
                if packed.file:
                    extracted = Path(scratch) / str(len(members))
                    shutil.copyfile(packed.file, extracted)
                    members.append(Artifact(name=packed.name, size=packed.size, sha256="", path=str(extracted)))
            if members:
                yield from self._binaries.measure(tuple(members), baseline)
            else:
                yield Absent(name="size.file", reason="there is no binary in the wheel")
