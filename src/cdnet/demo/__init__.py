"""The demo: pedestrians drawn, a network searched and trained on them, evaluated on others, and told in a page."""
