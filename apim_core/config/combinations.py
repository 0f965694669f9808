"""How several authenticators of one plan are written: `any`, `all` and `optional` in the place of a plugin's name."""

from __future__ import annotations

from typing import Any, Final

from apim_core.config import pointers
from apim_core.config.hooks import Refused, plugin_reference
from apim_core.config.references import PluginReference, SourceRef

__all__ = ["COMBINATIONS", "members_of", "written_members"]

COMBINATIONS: Final = ("all", "any", "optional")


def written_members(name: str, settings: Any) -> list[tuple[str, Any]]:
    """What a combination combines, each with the pointer from the combination to it. Raises Refused."""
    if name == "optional":
        return [("", settings)]
    if not isinstance(settings, list) or not settings:
        raise Refused(f"`{name}` takes a list of authenticators", f"write {name}: [{{mtls: {{}}}}, {{jwt: {{...}}}}]")
    return [(f"/{index}", each) for index, each in enumerate(settings)]


def members_of(reference: PluginReference) -> tuple[PluginReference, ...] | None:
    """The authenticators of a combination; None if the reference is to a plugin. Raises Refused."""
    if reference.name not in COMBINATIONS:
        return None
    members = []
    for pointer, written in written_members(reference.name, reference.settings):
        member = plugin_reference(written)
        place = pointers.child(reference.source.pointer + pointer, member.name)
        object.__setattr__(member, "source", SourceRef(reference.source.file, place))
        members.append(member)
    return tuple(members)
