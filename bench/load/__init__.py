"""Load on a hub: thousands of simulated tills, each enrolled, in a process of their own, over real HTTP.

`site` sets the hub up and starts it on PostgreSQL, `client` is the process with the tills, `bare` is
what the database alone does with the same work, `run` takes the measures one after the other.
"""
