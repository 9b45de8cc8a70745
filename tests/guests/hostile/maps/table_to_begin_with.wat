;; Starts with a table of ten million.
(table 10000000 funcref)
