"""A Hyper-V host as the network sees it: WinRM, true to the protocol, one process for each simulated host.

Real are the SOAP messages (their shapes were taken from recorded Windows traffic), the logins (NTLM, Kerberos against a
real KDC, CredSSP, certificates, Basic), the sealing, the faults and the quotas. What a command does is a `Runner`'s
business (`runner.py`). Whatever is not modelled is refused, and noted so that a test can see it: never 'succeeds'.
"""
