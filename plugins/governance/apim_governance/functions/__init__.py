"""What rules call to judge a value: each function of the ruleset language in a module of its name."""
