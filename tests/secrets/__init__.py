"""Secrets: found in every form, taken out of everything that is written."""
