"""``python -m trimtab``, and the two console scripts."""

from __future__ import annotations

import sys


def main(arguments: list[str] | None = None) -> None:
    """The ``trimtab`` command."""
    if sys.platform == "win32":
        sys.exit("error: trimtab does not run on Windows yet\n  do: use it in WSL")
    from trimtab.cli.app import run

    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def cargo_main() -> None:
    """``cargo trimtab``: Cargo passes its own name for the command as the first argument."""
    arguments = sys.argv[1:]
    main(arguments[1:] if arguments[:1] == ["trimtab"] else arguments)


if __name__ == "__main__":
    main()
