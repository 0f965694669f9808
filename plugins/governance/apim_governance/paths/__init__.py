"""JSONPath: parsed into one syntax tree, and compiled into one walk over a document."""
