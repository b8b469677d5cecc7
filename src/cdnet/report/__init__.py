"""The demo's report: one HTML file with tables, curves and ranked lists."""
