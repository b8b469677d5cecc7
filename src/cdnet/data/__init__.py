"""From pictures on disk to batches on the device."""
