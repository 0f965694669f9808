"""The keywords of JSON Schema: each takes the schema that it stands in, and gives what judges a value, or nothing."""
