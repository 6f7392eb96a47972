"""In-memory twins of every port, for tests, for the telephone in the terminal and for virtual time."""
