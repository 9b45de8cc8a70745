;; Returns a value whose end overflows 32 bits.
(memory (export "memory") 2)
(data (i32.const 512) "\01\00\00\00\ff\ff\ff\ff\ff\ff\ff\ff")
(func (export "localmap:core/local-map@0.1.0#get") (param i32 i32) (result i32) (i32.const 512))
