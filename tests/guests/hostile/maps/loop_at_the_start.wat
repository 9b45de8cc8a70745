;; Never comes to be.
(func $start (loop $for-ever (br $for-ever)))
(start $start)
