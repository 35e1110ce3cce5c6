"""The side towards the gateway's own alarm centers."""
