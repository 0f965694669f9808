"""The generated part of the documentation: everything that the code itself knows best."""

from apim_core.reference.pages import Page, pages

__all__ = ["Page", "pages"]
