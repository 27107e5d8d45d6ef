"""Boards that are not this machine: commands that run on a board over SSH, and the runs that come back from it.

ssh         the connection: the system's OpenSSH with the user's configuration
board_side  what runs on the board with its own Python alone: it receives files by hash, and ends with the connection
kit         what a board needs to measure: this code, an environment, and the files of a run
remote      a command on a board, with the user's files there and the run folder back here
"""
