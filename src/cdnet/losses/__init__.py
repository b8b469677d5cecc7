"""The losses of Section 3.3 as pure functions of tensors."""
