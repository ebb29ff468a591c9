"""What it costs, in CPU seconds and memory, with the digest that says it did the same work."""
