"""Print the JSON Schema of a scenario file."""

from ivr.rehearsal.schema import schema_text

print(schema_text(), end="")
