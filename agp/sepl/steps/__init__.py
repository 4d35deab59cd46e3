"""The operators that optimizers are composed of, one file each."""
