"""The configuration: frozen classes made of YAML, and every mistake in it with its place and its remedy.

``load`` reads files into a ``Configuration``; ``structure`` makes any attrs class, a plugin's settings for one, of
plain data. All that they return is immutable.
"""

from apim_core.config.loading import load
from apim_core.config.locating import locate, locate_problems
from apim_core.config.model import Configuration
from apim_core.config.problems import ConfigErrors, Location, Problem
from apim_core.config.references import PluginReference, SourceRef, Step, TrustedKeyManager
from apim_core.config.structuring import structure

__all__ = [
    "ConfigErrors",
    "Configuration",
    "Location",
    "PluginReference",
    "Problem",
    "SourceRef",
    "Step",
    "TrustedKeyManager",
    "load",
    "locate",
    "locate_problems",
    "structure",
]
