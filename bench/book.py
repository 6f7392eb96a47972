"""How long a large menu book takes to load and check, and how much memory: 100, 1,000 and 10,000 options.

`python bench/book.py` prints a table, `--json` the figures. Ends with status 1 when the largest takes too long.
"""

import json
import multiprocessing
import platform
import resource
import sys
import time

from ivr.testing.large import large_book
from menus.loader import examine

SIZES = (100, 1_000, 10_000)
MOST_S = 2.0
MOST_MB = 200


def measured(options: int) -> dict[str, float | int]:
    """One book, in a process of its own so that memory is its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_measure, (options,))


def _measure(options: int) -> dict[str, float | int]:
    files = large_book(options)
    examine(large_book(100), queues={"general"})  # imports and first uses are not the book's
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began, used = time.perf_counter(), time.process_time()
    examined = examine(files, queues={"general"}, time_zone="Asia/Shanghai", outbound=(), webhooks=())
    seconds, cpu = time.perf_counter() - began, time.process_time() - used
    assert examined.book is not None, "\n".join(map(str, examined.faults[:20]))
    return {
        "options": sum(len(step.options) for step in examined.book.steps.values() if step.kind == "menu"),
        "steps": len(examined.book.steps),
        "files": len(files),
        "bytes": sum(len(text.encode()) for text in files.values()),
        "seconds": round(seconds, 3),
        "cpu_seconds": round(cpu, 3),
        "memory_mb": round((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024, 1),
        "warnings": len(examined.warnings),
    }


def main() -> int:
    """Measure every size and tell."""
    found = [measured(options) for options in SIZES]
    if "--json" in sys.argv[1:]:
        print(
            json.dumps({"python": platform.python_version(), "machine": platform.machine(), "books": found}, indent=1)
        )
    else:
        print(f"{'options':>8} {'steps':>6} {'files':>5} {'seconds':>8} {'cpu':>6} {'MB':>6} {'warnings':>8}")
        for book in found:
            print(
                f"{book['options']:>8} {book['steps']:>6} {book['files']:>5} {book['seconds']:>8} "
                f"{book['cpu_seconds']:>6} {book['memory_mb']:>6} {book['warnings']:>8}"
            )
    within = found[-1]["cpu_seconds"] <= MOST_S and found[-1]["memory_mb"] <= MOST_MB
    return 0 if within else 1


if __name__ == "__main__":
    sys.exit(main())
