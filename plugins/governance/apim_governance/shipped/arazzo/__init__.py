"""The ruleset for Arazzo: its rules are in ``ruleset.yaml``, what they call in the modules here."""
