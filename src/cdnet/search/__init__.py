"""The search: spaces, gates and the supernet (Sections 3.1 and 3.2)."""
