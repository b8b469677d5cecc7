"""A network as a file that other programs run: ONNX, OpenVINO IR and torch.export, as each expects it."""
