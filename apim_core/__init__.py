"""The engine of apim; it knows no plugin by name."""
