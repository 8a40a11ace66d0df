"""What `limner doctor` looks at: one module for each subject, from settings to verdicts.

A check reads and never writes. It talks to no other machine unless its name begins with `ask`.
Failures are what `limner serve` would stumble over; warnings are what its operator may not expect.
"""
