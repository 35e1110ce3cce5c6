"""The gateway's durable memory and its key folder."""
