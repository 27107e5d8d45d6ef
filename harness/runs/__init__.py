"""The rooms put together: what the command and the pytest plug-in both stand on.

`request` is what a user asks for, `plan` the cases ready to run or refused, `run` the measuring into a run folder,
`device` a pytest session's run.
"""
