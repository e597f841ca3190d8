"""The command line: one module per command. Each parses, calls, prints and gives the exit code."""
