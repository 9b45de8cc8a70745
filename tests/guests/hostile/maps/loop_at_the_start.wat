;; Loops during instantiation.
(func $start (loop $for-ever (br $for-ever)))
(start $start)
