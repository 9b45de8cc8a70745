;; Returns lower versions for later values.
(global $version (mut i64) (i64.const 3))
(func (export "localmap:core/local-map@0.1.0#set") (param i32 i32 i32 i32 i32 i64) (result i32)
    (global.set $version (i64.sub (global.get $version) (i64.const 1)))
    (i64.store (i32.const 520) (global.get $version))
    (i32.const 512))
