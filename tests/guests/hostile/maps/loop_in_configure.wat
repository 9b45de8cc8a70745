;; Loops while its limits are set.
(func (export "localmap:core/control@0.1.0#configure") (param i64 i64 i32 i64 i32 i64 i32 i32 i32) (result i32) (loop $for-ever (br $for-ever)) unreachable)
