"""Scores as sums and counts that merge over batches and processes."""
