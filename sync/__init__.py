"""Everything between the till and the shop: the messages, the till's end, the hub's end."""
