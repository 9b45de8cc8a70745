;; Creates a million pins in one call.
(import "[export]localmap:core/local-map@0.1.0" "[resource-new]pinned" (func $new (param i32) (result i32)))
(func (export "localmap:core/local-map@0.1.0#len") (result i64) (local $left i32)
    (local.set $left (i32.const 1000000))
    (loop $next
        (drop (call $new (local.get $left)))
        (br_if $next (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
    (i64.const 0))
