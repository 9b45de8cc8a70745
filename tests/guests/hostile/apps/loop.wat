;; Computes forever.
(import "localmap:core/local-map@0.1.0" "len" (func $len (result i64)))
(memory (export "memory") 1)
(func (export "run") (result i64) (loop $for-ever (br $for-ever)) unreachable)
