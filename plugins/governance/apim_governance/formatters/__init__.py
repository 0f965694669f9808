"""Findings as texts: for people, for other programs, for services."""
