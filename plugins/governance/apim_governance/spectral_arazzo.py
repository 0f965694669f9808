"""Rules for Arazzo documents, known as `spectral:arazzo`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import attrs
from apim_sdk.governance import RulesetFunction, ShippedRuleset
from apim_sdk.plugin import Status

from apim_governance.shipped.arazzo.actions import FailureActions, SuccessActions
from apim_governance.shipped.arazzo.criteria import SuccessCriteria
from apim_governance.shipped.arazzo.depends_on import DependsOn
from apim_governance.shipped.arazzo.outputs import StepOutputs, WorkflowOutputs
from apim_governance.shipped.arazzo.parameters import StepParameters
from apim_governance.shipped.arazzo.steps import RequestBodies, StepTargets
from apim_governance.shipped.arazzo.structure import DocumentSchema
from apim_governance.shipped.arazzo.unique_ids import UniqueStepIds, UniqueWorkflowIds
from apim_governance.shipped.reading import definition_in

__all__ = ["ArazzoRules"]


@attrs.frozen
class ArazzoRules(ShippedRuleset):
    """Rules for Arazzo 1.0 documents.

    Other rulesets extend it as `spectral:arazzo`. Names, severities and messages are those of the ruleset that Spectral
    ships, so findings can be compared one by one.
    """

    status: ClassVar[Status] = Status.BETA
    example: ClassVar[Any] = {}

    def definition(self) -> Mapping[str, Any]:
        return definition_in("apim_governance.shipped.arazzo")

    def functions(self) -> Mapping[str, type[RulesetFunction]]:
        return {
            "arazzoDocumentSchema": DocumentSchema,
            "arazzoStepFailureActionsValidation": FailureActions,
            "arazzoStepIdUniqueness": UniqueStepIds,
            "arazzoStepOutputNamesValidation": StepOutputs,
            "arazzoStepParametersValidation": StepParameters,
            "arazzoStepRequestBodyValidation": RequestBodies,
            "arazzoStepSuccessActionsValidation": SuccessActions,
            "arazzoStepSuccessCriteriaValidation": SuccessCriteria,
            "arazzoStepValidation": StepTargets,
            "arazzoWorkflowDependsOnValidation": DependsOn,
            "arazzoWorkflowIdUniqueness": UniqueWorkflowIds,
            "arazzoWorkflowOutputNamesValidation": WorkflowOutputs,
        }
