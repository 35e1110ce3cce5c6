"""What the command line does besides serving; each file behind one command."""
