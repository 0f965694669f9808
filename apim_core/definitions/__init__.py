"""API definitions: what an OpenAPI 3.0, 3.1 or Swagger 2 document says that a gateway needs to know.

Everything here is a pure function of the document's data. References inside the document are followed where they
stand for operations; a reference to another document is never fetched.
"""

from typing import TYPE_CHECKING

from apim_core.definitions.definition import DefinedOperation, Definition, DefinitionProblem, Dialect, describe

__all__ = ["DefinedOperation", "Definition", "DefinitionProblem", "Dialect", "describe", "operations_of"]

if TYPE_CHECKING:
    from apim_core.config.model import Api, Operation


def operations_of(api: "Api") -> "tuple[Operation, ...]":
    """The operations of a loaded API; ``load`` has joined those of its definition with its own."""
    return api.operations
