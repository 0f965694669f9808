"""Rulesets that come with the gateway."""
