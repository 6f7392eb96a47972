"""Which option a caller wants: features of the history, and rankers that turn them into probabilities."""
