;; Has a room that begins in its memory and ends behind it.
(memory (export "memory") 1)
(func (export "localmap:host#room") (result i64) (i64.const 0x400_0000_fffe))
(func (export "localmap:host#get") (param i32) (result i32) (i32.const 512))
(func (export "localmap:host#set") (param i32 i32 i32 i64) (result i32) (i32.const 512))
