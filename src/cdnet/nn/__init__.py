"""The networks: blocks, backbone, necks, baselines, and what they cost."""
