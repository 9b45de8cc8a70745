;; Loops during instantiation.
(import "localmap:core/local-map@0.1.0" "len" (func $len (result i64)))
(memory (export "memory") 1)
(func $start (loop $for-ever (br $for-ever)))
(start $start)
(func (export "run") (result i64) (i64.const 0))
