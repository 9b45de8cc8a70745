;; Traps during instantiation.
(func $start unreachable)
(start $start)
