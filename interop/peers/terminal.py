"""Runs a program on a pseudo-terminal: terminal.py PASSWORD PROGRAM ARGUMENT...

Types PASSWORD when the program asks for a pass phrase. When standard input ends, terminates the program and
prints everything that the terminal showed.
"""

import os
import pty
import select
import signal
import sys

password, *command = sys.argv[1:]
child, terminal = pty.fork()
if child == 0:
    os.execv(command[0], command)
shown, typed = b"", False
while True:
    ready, _, _ = select.select([terminal, sys.stdin], [], [])
    if terminal in ready:
        try:
            shown += os.read(terminal, 4096)
        except OSError:
            break
        if not typed and b"pass phrase" in shown:
            os.write(terminal, password.encode() + b"\n")
            typed = True
    elif not sys.stdin.read():
        os.kill(child, signal.SIGTERM)
        break
os.waitpid(child, 0)
sys.stdout.buffer.write(shown)
