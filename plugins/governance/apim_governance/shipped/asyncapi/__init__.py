"""The ruleset for AsyncAPI: its rules are in ``ruleset.yaml``, what they call in the modules here."""
