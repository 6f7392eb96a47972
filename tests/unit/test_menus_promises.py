"""What is promised of personal menus, over every book, caller and personalisation: design.md calls them invariants."""
