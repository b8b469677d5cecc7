"""The names of the runtimes that compute our weights' features, for command lines that have not imported torch."""

AUTO = "auto"
RUNTIMES = (
    "torch",
    "torch-bf16",
    "torch-compiled",
    "torch-compiled-bf16",
    "onnxruntime",
    "openvino",
    "openvino-bf16",
)
