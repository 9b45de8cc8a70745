;; Ends before it is.
(func $start unreachable)
(start $start)
