"""Other programs: their weights in, our models out."""
