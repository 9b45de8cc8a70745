;; Counts the calls after a number was returned, and returns their count as its sweep.
(global $freed (mut i32) (i32.const 0))
(func $free (global.set $freed (i32.add (global.get $freed) (i32.const 1))))
(func (export "cabi_post_localmap:core/local-map@0.1.0#contains") (param i32) (call $free))
(func (export "cabi_post_localmap:core/local-map@0.1.0#delete") (param i32) (call $free))
(func (export "cabi_post_localmap:core/local-map@0.1.0#len") (param i64) (call $free))
(func (export "cabi_post_localmap:core/control@0.1.0#clear") (call $free))
(func (export "localmap:core/control@0.1.0#sweep") (param i32) (result i32) (global.get $freed))
