"""Release settings: which targets and profiles a project ships, read from its own files."""
