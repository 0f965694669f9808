"""API definitions: what an OpenAPI 3.0, 3.1 or Swagger 2 document says that a gateway needs to know.

Everything here is a pure function of the document's data. References inside the document are followed where they
stand for operations; a reference to another document is never fetched.
"""

from apim_core.definitions.definition import DefinedOperation, Definition, DefinitionProblem, Dialect, describe

__all__ = ["DefinedOperation", "Definition", "DefinitionProblem", "Dialect", "describe"]
