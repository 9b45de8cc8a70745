# Stops at operations that take longer than 10 ms, and where a map ends other than by being dropped.
# Shows other rejected operations without stopping.
#
#     gdb -p PID -x tools/probes/slow.gdb
#
# `backtrace` then shows the call, and `continue` goes on. Until then the whole program stands still.

# Conditions have lines of their own, since gdb 13 ignores those after `-probe-stap`.

set pagination off
set language c

# The program handles them itself: traps of guests are signals, and others end it or write the trace.
handle SIGILL SIGSEGV SIGFPE SIGBUS SIGUSR1 SIGTERM nostop noprint pass

break -probe-stap localmap:op__done
condition $bpnum $_probe_arg5 > 10000000
commands
    silent
    printf "%s of tenant %d took %ld ns: %s\n", (char *)$_probe_arg0, $_probe_arg1, $_probe_arg5, (char *)$_probe_arg4
end

break -probe-stap localmap:map__dropped
condition $bpnum $_strlen((char *)$_probe_arg1) != 7
commands
    silent
    printf "the map of tenant %d (%s) has ended: %s\n", $_probe_arg0, (char *)$_probe_arg2, (char *)$_probe_arg1
end

break -probe-stap localmap:op__done
condition $bpnum $_streq((char *)$_probe_arg4, "full")
commands
    silent
    printf "%s of tenant %d is rejected: the map is full\n", (char *)$_probe_arg0, $_probe_arg1
    continue
end

continue
