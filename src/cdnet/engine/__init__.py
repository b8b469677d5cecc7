"""What all long work in a folder shares: sessions, epochs, checkpoints, logs and processes, whatever is learnt."""
