"""Rows as columns, for commands that list something."""

from collections.abc import Iterable


def aligned(rows: Iterable[tuple[str, ...]]) -> list[str]:
    """Rows as columns; wide characters count twice, as terminals show them."""
    from rich.cells import cell_len, set_cell_size

    kept = list(rows)
    widths = [max(cell_len(row[n]) for row in kept) for n in range(len(kept[0]) - 1)] if kept else []
    return [
        "  ".join([*(set_cell_size(cell, width) for cell, width in zip(row, widths, strict=False)), row[-1]])
        for row in kept
    ]
