"""What the exchange costs: CPU per call and per message, start and idle, as a table and as JSON.

``python -m bench`` starts real servers and drives them with SIPp; every figure of a ratio comes from the same run.
CPU is user and system time of all threads of a process. Nothing here is asserted by a test: machines differ.
"""
