"""Runs a WASI program with wasmtime's library, for machines that have it from PyPI and not as a program.

``python -m trimtab.commands.targets.wasi FILE [ARGUMENT…]``, started as a process of its own like all other programs.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

_TRAPPED = 134
"""Exit code of a shell for a program that aborted."""


def run(arguments: Sequence[str]) -> int:
    """Run a program with the current folder open to it; returns its exit code."""
    import wasmtime

    engine = wasmtime.Engine()
    store, linker, wasi = wasmtime.Store(engine), wasmtime.Linker(engine), wasmtime.WasiConfig()
    wasi.argv = list(arguments)
    wasi.inherit_stdin()
    wasi.inherit_stdout()
    wasi.inherit_stderr()
    wasi.preopen_dir(".", ".")
    store.set_wasi(wasi)
    linker.define_wasi()
    instance = linker.instantiate(store, wasmtime.Module.from_file(engine, arguments[0]))
    start = instance.exports(store)["_start"]
    assert isinstance(start, wasmtime.Func)
    try:
        start(store)
    except wasmtime.ExitTrap as ended:
        return int(ended.code)
    except wasmtime.Trap as trap:
        sys.stderr.write(f"{trap.message}\n")
        return _TRAPPED
    return 0


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
