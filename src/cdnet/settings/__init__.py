"""From words and names to settings: how options are spelt, and recipes as dataclasses."""
