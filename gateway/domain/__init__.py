"""Pure decisions of the gateway: `now` comes in, a value with a reason goes out."""
