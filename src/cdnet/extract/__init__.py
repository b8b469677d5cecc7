"""Features out of the house: of files, arrays and boxes on frames, of folders of any size, and what is near to what."""
