;; Reports an error of change four billion of a batch.
(memory (export "memory") 2)
(data (i32.const 512) "\01\00\00\00\00\00\00\00\ff\ff\ff\ff\00\00\00\00\03")
(func (export "localmap:core/local-map@0.1.0#apply") (param i32 i32) (result i32) (i32.const 512))
