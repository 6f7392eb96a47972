"""What we remember: database tables, claims and repositories (trained models live in menus/learning)."""
