"""How fast is decided, and how many claims come true: `bench/parts/decisions.py` by the name that it is asked for.

.venv/bin/python bench/routing.py [--json] [--contested 100000]
"""

if __name__ == "__main__":
    import sys

    from parts.decisions import main

    sys.exit(main())
else:
    from parts.aside import step_aside

    step_aside(__name__)
