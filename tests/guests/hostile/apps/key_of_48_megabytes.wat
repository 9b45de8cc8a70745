;; Reads a key of 48 MiB, which must be copied into the map before the map can check it.
(import "localmap:core/local-map@0.1.0" "get" (func $get (param i32 i32 i32)))
(memory (export "memory") 769)
(func (export "run") (result i64)
    (call $get (i32.const 65536) (i32.const 50331648) (i32.const 256))
    (i64.const 0))
