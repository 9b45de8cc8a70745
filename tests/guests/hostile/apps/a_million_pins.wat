;; Pins one value a million times, and returns how often it succeeded.
(import "localmap:core/local-map@0.1.0" "set" (func $set (param i32 i32 i32 i32 i32 i64 i32)))
(import "localmap:core/local-map@0.1.0" "pin" (func $pin (param i32 i32 i32)))
(memory (export "memory") 1)
(data (i32.const 16) "k")
(func (export "run") (result i64) (local $left i32) (local $pins i64)
    (call $set (i32.const 16) (i32.const 1) (i32.const 64) (i32.const 64) (i32.const 1) (i64.const 0) (i32.const 256))
    (local.set $left (i32.const 1000000))
    (loop $next
        (call $pin (i32.const 16) (i32.const 1) (i32.const 256))
        (if (i32.eqz (i32.load8_u (i32.const 256))) (then
            (local.set $pins (i64.add (local.get $pins) (i64.const 1)))))
        (br_if $next (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
    (local.get $pins))
