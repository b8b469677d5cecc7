"""Networks that the paper compares with."""
