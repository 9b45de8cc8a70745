;; Has a room whose address depends on the map's past: 8192 after a call of `contains`, and 4096
;; otherwise. `len` returns what is stored there.
(memory (export "memory") 1)
(global $room (mut i32) (i32.const 4096))
(func (export "localmap:host#room") (result i64)
    (i64.or (i64.extend_i32_u (global.get $room)) (i64.const 0x40000000000)))
(func (export "localmap:host#get") (param i32) (result i32) (i32.const 512))
(func (export "localmap:host#set") (param i32 i32 i32 i64) (result i32) (i32.const 512))
(func (export "localmap:core/local-map@0.1.0#contains") (param i32 i32) (result i32)
    (global.set $room (i32.const 8192)) (i32.const 1))
(func (export "localmap:core/local-map@0.1.0#len") (result i64) (i64.load8_u (global.get $room)))
