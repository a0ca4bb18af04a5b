"""The hub: the retailer's end of the wire, and the only one that writes to the shop.

Stateless beside its database, so as many processes as wanted may serve one database.
"""
