"""From text to documents: their data, where each part stands, and what they refer to."""
