"""Short messages: modems on this machine and a provider's HTTP interface, behind the port Sms."""
