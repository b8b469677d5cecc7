"""The paper's tables, row by row: what it prints, which run gives our figure, and the two side by side."""
