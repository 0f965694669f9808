"""From a configuration to something that runs: plugins are built, flows compiled, operations routed."""

from apim_core.assembly.assembler import Assembly, Observer, assemble

__all__ = ["Assembly", "Observer", "assemble"]
