"""Data sets: records of people, prepared once, and batches of crops made from them."""
