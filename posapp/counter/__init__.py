"""What people at the counter can do, one small class each.

Methods are verbs, take and return frozen values, raise Refused before anything is written, and know
neither screens nor devices nor the network.
"""
