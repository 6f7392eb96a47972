"""Calls without a telephone: a book tried in the terminal, and mystery callers who say what must happen."""
