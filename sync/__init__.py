"""Everything between the till and the shop: the messages, the till's engine and the hub."""
