;; Returns a page of a million entries that all point to the same megabyte.
(memory (export "memory") 1000)
(func (export "localmap:core/local-map@0.1.0#scan") (param i32 i32 i64 i32) (result i32) (local $at i32)
    (local.set $at (i32.const 2097152))
    (loop $next
        (i32.store offset=4 (local.get $at) (i32.const 1))
        (i32.store offset=8 (local.get $at) (i32.const 65536))
        (i32.store offset=12 (local.get $at) (i32.const 1048576))
        (local.set $at (i32.add (local.get $at) (i32.const 40)))
        (br_if $next (i32.lt_u (local.get $at) (i32.const 42097152))))
    (i32.store (i32.const 512) (i32.const 2097152))
    (i32.store (i32.const 516) (i32.const 1000000))
    (i32.const 512))
