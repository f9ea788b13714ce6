"""Diagnosis: what a network costs, how fast it runs here, and whether all is well."""
