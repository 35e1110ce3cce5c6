"""A cellular modem on a serial port: AT commands, short messages, recovery. Used by gateway and central."""
