;; Answers, and then loops.
(func (export "localmap:core/local-map@0.1.0#get") (param i32 i32) (result i32) (i32.const 1024))
(func (export "cabi_post_localmap:core/local-map@0.1.0#get") (param i32) (loop $for-ever (br $for-ever)))
