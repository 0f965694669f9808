"""Rules over API definitions: the ruleset language of Spectral 6, and scores that gate a deployment."""
