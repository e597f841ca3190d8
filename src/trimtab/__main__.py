"""``python -m trimtab``, and the two console scripts."""

from __future__ import annotations

import os
import sys

_STREAMS = ("stdin", "stdout", "stderr")


def main(arguments: list[str] | None = None) -> None:
    """The ``trimtab`` command."""
    if sys.platform == "win32":
        sys.exit("error: trimtab does not run on Windows yet\n  do: use it in WSL")
    open_closed_streams()
    try:
        from trimtab.cli.app import run
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def open_closed_streams() -> None:
    """Open the null device in place of standard streams that are closed.

    Otherwise their numbers would go to the next files that are opened, such as the store, and Python's own streams are
    ``None``.
    """
    for number, name in enumerate(_STREAMS):
        if getattr(sys, name) is None:
            try:
                os.fstat(number)
            except OSError:
                null = os.open(os.devnull, os.O_RDWR)
                if null != number:
                    os.dup2(null, number)
                    os.close(null)
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), "w" if number else "r", encoding="utf-8"))


def cargo_main() -> None:
    """``cargo trimtab``: Cargo passes its own name for the command as the first argument."""
    arguments = sys.argv[1:]
    main(arguments[1:] if arguments[:1] == ["trimtab"] else arguments)


if __name__ == "__main__":
    main()
