;; Returns 256 values that all point to the same megabyte.
(memory (export "memory") 18)
(func (export "localmap:core/local-map@0.1.0#get-many") (param i32) (param $len i32) (result i32) (local $at i32)
    (local.set $at (i32.const 2048))
    (loop $next
        (i32.store (local.get $at) (i32.const 1))
        (i32.store offset=4 (local.get $at) (i32.const 65536))
        (i32.store offset=8 (local.get $at) (i32.const 1048576))
        (local.set $at (i32.add (local.get $at) (i32.const 12)))
        (br_if $next (i32.lt_u (local.get $at) (i32.add (i32.const 2048) (i32.mul (local.get $len) (i32.const 12))))))
    (i32.store (i32.const 512) (i32.const 2048))
    (i32.store (i32.const 516) (local.get $len))
    (i32.const 512))
