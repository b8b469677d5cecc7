"""What parts of an evaluation can be told by, for command lines that have not imported torch."""

CAMERA = "camera"
CAMERA_PAIR = "camera-pair"
BRIGHTNESS = "brightness"
MATCHES = "matches"
PARTS = (CAMERA, CAMERA_PAIR, BRIGHTNESS, MATCHES)
