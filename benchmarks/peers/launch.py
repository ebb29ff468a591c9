"""Run a command and say what it cost: python -I -S launch.py OUT SECONDS_MAX COMMAND…

A small process of its own, since a child's peak memory begins at that of its parent. OUT gets one
JSON object: CPU seconds of the command and its children, its peak memory, its exit code. A command
that is not done after so many CPU seconds is ended by the kernel.
"""

import json
import os
import resource
import sys

MIB = 1024  # ru_maxrss is in KiB

if __name__ == "__main__":
    out, limit, *command = sys.argv[1:]
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_CPU, (int(limit), int(limit)))
        os.execvp(command[0], command)
    _, status, used = os.wait4(child, 0)
    found = {
        "cpu_s": used.ru_utime + used.ru_stime,
        "peak_mib": used.ru_maxrss / MIB,
        "exit": os.waitstatus_to_exitcode(status),
    }
    with open(out, "w", encoding="utf-8") as file:
        json.dump(found, file)
