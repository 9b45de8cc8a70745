;; Returns 2 GiB that it does not have.
(import "localmap:core/local-map@0.1.0" "len" (func $len (result i64)))
(memory (export "memory") 1)
(data (i32.const 512) "\00\00\00\00\00\00\00\80")
(func (export "bytes") (result i32) (i32.const 512))
