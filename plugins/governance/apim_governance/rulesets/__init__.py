"""The ruleset language: read, extended, overridden, and compiled."""
