;; Traps after storing half of a value.
(func (export "localmap:core/local-map@0.1.0#set") (param $key i32) (param i32) (param $value i32) (param $len i32) (param i32 i64) (result i32)
    (memory.copy (i32.const 4096) (local.get $value) (i32.shr_u (local.get $len) (i32.const 1)))
    unreachable)
