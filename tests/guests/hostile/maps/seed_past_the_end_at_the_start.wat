;; Wants its seed at the end of its memory, before it has been started.
(import "wasi:random/insecure-seed@0.2.0" "insecure-seed" (func $seed (param i32)))
(memory (export "memory") 1)
(func $start (call $seed (i32.const -8)))
(start $start)
