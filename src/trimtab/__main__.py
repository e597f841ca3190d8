"""``python -m trimtab``, and the two console scripts."""

from __future__ import annotations

import sys


def main() -> None:
    """The ``trimtab`` command."""
    from trimtab.cli.app import run

    sys.exit(run(sys.argv[1:]))


def cargo_main() -> None:
    """``cargo trimtab``: Cargo passes its own name for the command as the first argument."""
    from trimtab.cli.app import run

    arguments = sys.argv[1:]
    sys.exit(run(arguments[1:] if arguments[:1] == ["trimtab"] else arguments))


if __name__ == "__main__":
    main()
