"""The service beside the broker: decides every alert, commands the centers, believes only sealed acks, tells people."""
