"""Lets tests import the harness, which is part of the checkout but of no wheel."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2]))
