"""Opening and weighing binaries, wheels and archives, with nothing but the file."""
