"""The benchmark harness: `python -m bench` measures the gateway beside its peers, in ratios with budgets."""
