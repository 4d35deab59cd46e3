"""What several tests need: a small benchmark and models that follow a script."""
