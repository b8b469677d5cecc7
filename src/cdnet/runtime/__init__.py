"""Networks that give features, whatever runs them: ours in PyTorch, anybody's as ONNX file or OpenVINO IR."""
