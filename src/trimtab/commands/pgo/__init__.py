"""``trimtab pgo``: building the trained program that ships, and how long its profile data serves."""
