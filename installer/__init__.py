"""Provisioning: what is made away from the system and carried to boards. Reaches central and gateway as a person does, never by import."""
