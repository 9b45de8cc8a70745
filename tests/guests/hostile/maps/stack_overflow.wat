;; Calls itself forever.
(func $deeper (param i64 i64 i64) (result i64)
    (i64.add (call $deeper (local.get 0) (local.get 1) (local.get 2)) (local.get 1)))
(func (export "localmap:core/local-map@0.1.0#len") (result i64) (call $deeper (i64.const 1) (i64.const 2) (i64.const 3)))
