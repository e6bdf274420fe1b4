"""A stand-in for the vendor's historical service: the same requests, answers and refusals, over a socket on loopback.

`market` is what was traded, `answers` how the vendor writes it down, `refusals` how it says no, `vendor` the HTTP server,
`faults` what goes wrong on the way, `journal` who asked for what. Everything in it is synthetic.
"""
