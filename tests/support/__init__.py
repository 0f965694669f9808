"""What tests of the whole gateway have in common."""
