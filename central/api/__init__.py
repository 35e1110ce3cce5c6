"""The doors: HTTP for apps and operators, one file each."""
