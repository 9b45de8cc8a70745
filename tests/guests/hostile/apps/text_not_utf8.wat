;; Returns text that is not UTF-8.
(import "localmap:core/local-map@0.1.0" "len" (func $len (result i64)))
(memory (export "memory") 1)
(data (i32.const 512) "\00\04\00\00\03\00\00\00")
(data (i32.const 1024) "\ff\fe\c0")
(func (export "text") (result i32) (i32.const 512))
