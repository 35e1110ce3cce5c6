"""The side towards central."""
