"""``trimtab.init/1``: the written ``trimtab.toml`` as JSON. Its schema is ``docs/schemas/init.schema.json``."""

from __future__ import annotations

import json
from pathlib import Path

SCHEMA = "trimtab.init/1"


def init_json(file: Path, text: str, *, written: bool) -> str:
    """The file's path and text, and whether it was written, as ``trimtab.init/1``."""
    return json.dumps({"schema": SCHEMA, "file": str(file), "written": written, "text": text}, indent=2)
