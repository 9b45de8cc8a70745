;; Starts with 2 GiB of memory.
(memory (export "memory") 32768)
