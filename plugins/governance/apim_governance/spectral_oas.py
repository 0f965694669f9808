"""Rules for OpenAPI documents, known as `spectral:oas`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import attrs
from apim_sdk.governance import RulesetFunction, ShippedRuleset
from apim_sdk.plugin import Status

from apim_governance.shipped.oas.discriminator import Discriminator
from apim_governance.shipped.oas.document_schema import DocumentSchema
from apim_governance.shipped.oas.example import Example
from apim_governance.shipped.oas.form_data import FormDataConsumed
from apim_governance.shipped.oas.operation_ids import UniqueOperationIds
from apim_governance.shipped.oas.parameters import OperationParameters
from apim_governance.shipped.oas.path_parameters import PathParameters
from apim_governance.shipped.oas.schema import OpenAPISchema
from apim_governance.shipped.oas.security import SecurityDefined
from apim_governance.shipped.oas.siblings import NoSiblings
from apim_governance.shipped.oas.success import SuccessResponse
from apim_governance.shipped.oas.tags import TagsDefined
from apim_governance.shipped.oas.unused import UnusedComponents
from apim_governance.shipped.reading import definition_in
from apim_governance.shipped.server_variables import ServerVariables
from apim_governance.shipped.unique_tags import UniqueTags

__all__ = ["OpenAPIRules"]


@attrs.frozen
class OpenAPIRules(ShippedRuleset):
    """Rules for OpenAPI 2.0 and 3.x documents.

    Other rulesets extend it as `spectral:oas`. Names, severities and messages are those of the ruleset that Spectral
    ships, so findings can be compared one by one.
    """

    status: ClassVar[Status] = Status.BETA
    example: ClassVar[Any] = {}

    def definition(self) -> Mapping[str, Any]:
        return definition_in("apim_governance.shipped.oas")

    def functions(self) -> Mapping[str, type[RulesetFunction]]:
        return {
            "oasDiscriminator": Discriminator,
            "oasDocumentSchema": DocumentSchema,
            "oasExample": Example,
            "oasOpFormDataConsumeCheck": FormDataConsumed,
            "oasOpIdUnique": UniqueOperationIds,
            "oasOpParams": OperationParameters,
            "oasOpSuccessResponse": SuccessResponse,
            "oasPathParam": PathParameters,
            "oasSchema": OpenAPISchema,
            "oasSecurityDefined": SecurityDefined,
            "oasTagDefined": TagsDefined,
            "oasUnusedComponent": UnusedComponents,
            "refSiblings": NoSiblings,
            "serverVariables": ServerVariables,
            "uniquenessTags": UniqueTags,
        }
