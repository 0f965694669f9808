"""Rules for AsyncAPI documents, known as `spectral:asyncapi`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import attrs
from apim_sdk.governance import RulesetFunction, ShippedRuleset
from apim_sdk.plugin import Status

from apim_governance.shipped.asyncapi.channel_parameters import ChannelParameters
from apim_governance.shipped.asyncapi.channel_servers import ChannelServers
from apim_governance.shipped.asyncapi.document_schema import DocumentSchema
from apim_governance.shipped.asyncapi.message_examples import MessageExamples
from apim_governance.shipped.asyncapi.payload import Payload
from apim_governance.shipped.asyncapi.samples import Samples
from apim_governance.shipped.asyncapi.security import SecurityDefined
from apim_governance.shipped.asyncapi.unique_ids import UniqueMessageIds, UniqueOperationIds
from apim_governance.shipped.reading import definition_in
from apim_governance.shipped.server_variables import ServerVariables
from apim_governance.shipped.unique_tags import UniqueTags

__all__ = ["AsyncAPIRules"]


@attrs.frozen
class AsyncAPIRules(ShippedRuleset):
    """Rules for AsyncAPI 2.x and 3.x documents.

    Other rulesets extend it as `spectral:asyncapi`. Names, severities and messages are those of the ruleset that
    Spectral ships, so findings can be compared one by one.
    """

    status: ClassVar[Status] = Status.BETA
    example: ClassVar[Any] = {}

    def definition(self) -> Mapping[str, Any]:
        return definition_in("apim_governance.shipped.asyncapi")

    def functions(self) -> Mapping[str, type[RulesetFunction]]:
        return {
            "asyncApi2ChannelServers": ChannelServers,
            "asyncApi2MessageExamplesValidation": MessageExamples,
            "asyncApi2MessageIdUniqueness": UniqueMessageIds,
            "asyncApi2OperationIdUniqueness": UniqueOperationIds,
            "asyncApiChannelParameters": ChannelParameters,
            "asyncApiDocumentSchema": DocumentSchema,
            "asyncApiPayloadValidation": Payload,
            "asyncApiSchemaValidation": Samples,
            "asyncApiSecurity": SecurityDefined,
            "serverVariables": ServerVariables,
            "uniquenessTags": UniqueTags,
        }
