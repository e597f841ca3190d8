"""The operating system: processes, their memory and limits, this machine, where files are kept."""
