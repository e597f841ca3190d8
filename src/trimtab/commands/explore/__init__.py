"""``trimtab explore``: release profiles of a project, measured side by side."""
