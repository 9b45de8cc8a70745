;; Returns the outcome of a touch for the first change of any batch.
(memory (export "memory") 2)
(data (i32.const 512) "\00\00\00\00\00\00\00\00\00\03\00\00\01\00\00\00")
(data (i32.const 768) "\02\00\00\00\00\00\00\00\01")
(func (export "localmap:core/local-map@0.1.0#apply") (param i32 i32) (result i32) (i32.const 512))
