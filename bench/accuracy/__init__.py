"""How exact limits are over processes: `python -m bench.accuracy`."""

from bench.accuracy.gateways import LIMITS, together
from bench.accuracy.outcome import Outcome, Run, permitted

__all__ = ["LIMITS", "Outcome", "Run", "permitted", "together"]
