"""What the caller hears: menu books, their checks, the walk through them, personal order. Pure but for the loader."""
