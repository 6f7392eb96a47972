"""What the learned menu is worth on real histories: `bench/parts/learned.py` by the name that it is asked for.

.venv/bin/python bench/menus.py --data trans.csv.gz [--json]
"""

if __name__ == "__main__":
    from parts.learned import main

    main()
else:
    from parts.aside import step_aside

    step_aside(__name__)
