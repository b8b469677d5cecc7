"""A gallery over HTTP: an API that other programs use, and a page that people use."""
