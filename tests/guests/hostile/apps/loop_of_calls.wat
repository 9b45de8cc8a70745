;; Writes to its map forever.
(import "localmap:core/local-map@0.1.0" "set" (func $set (param i32 i32 i32 i32 i32 i64 i32)))
(memory (export "memory") 1)
(func (export "run") (result i64)
    (loop $for-ever
        (i32.store (i32.const 16) (i32.add (i32.load (i32.const 16)) (i32.const 1)))
        (call $set (i32.const 16) (i32.const 4) (i32.const 64) (i32.const 64) (i32.const 1) (i64.const 0) (i32.const 256))
        (br $for-ever))
    unreachable)
