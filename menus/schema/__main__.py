"""Print the JSON Schema of a book."""

from menus.schema import schema_text

print(schema_text(), end="")
