"""The settings live in the SDK (``apim_sdk.upstream``), for endpoint plugins take them over as their own."""

from apim_sdk.upstream import Origin, UpstreamProxy, UpstreamSettings, UpstreamTLS

__all__ = ["Origin", "UpstreamProxy", "UpstreamSettings", "UpstreamTLS"]
