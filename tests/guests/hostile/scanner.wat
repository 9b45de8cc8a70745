;; Searches all of its memory, to which it has written nothing, for data left by others. The
;; bytes to find are passed masked, so that the scanner's own memory never contains them.
(module
    (memory (export "memory") 1)

    ;; Allocates all the memory it can get. Returns its size in bytes.
    (func (export "grow") (result i32)
        (loop $more (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
        (i32.mul (memory.size) (i32.const 65536)))

    ;; Returns the number of 64-byte blocks that are not all zero.
    (func (export "dirty") (result i32) (local $at i32) (local $end i32) (local $blocks i32)
        (local.set $end (i32.mul (memory.size) (i32.const 65536)))
        (loop $next
            (local.set $blocks (i32.add (local.get $blocks) (call $used (local.get $at))))
            (local.set $at (i32.add (local.get $at) (i32.const 64)))
            (br_if $next (i32.lt_u (local.get $at) (local.get $end))))
        (local.get $blocks))

    ;; Returns the address of eight bytes, at any alignment, or -1. None of the bytes is zero.
    (func (export "find") (param $masked i64) (param $mask i64) (result i32)
        (local $at i32) (local $last i32)
        (local.set $last (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 8)))
        (loop $next
            (block $go-on
                ;; Skip a block of zeros, where they cannot start.
                (if (i32.eqz (i32.and (local.get $at) (i32.const 63))) (then
                    (if (i32.eqz (call $used (local.get $at))) (then
                        (local.set $at (i32.add (local.get $at) (i32.const 64)))
                        (br $go-on)))))
                (if (i64.eq (i64.xor (i64.load align=1 (local.get $at)) (local.get $mask))
                            (local.get $masked))
                    (then (return (local.get $at))))
                (local.set $at (i32.add (local.get $at) (i32.const 1))))
            (br_if $next (i32.le_u (local.get $at) (local.get $last))))
        (i32.const -1))

    ;; Writes eight bytes to an address, to be found.
    (func (export "plant") (param $at i32) (param $masked i64) (param $mask i64)
        (i64.store align=1 (local.get $at) (i64.xor (local.get $masked) (local.get $mask))))

    ;; Returns 1 if a block of 64 bytes is not all zero.
    (func $used (param $at i32) (result i32)
        (v128.any_true
            (v128.or
                (v128.or (v128.load (local.get $at)) (v128.load offset=16 (local.get $at)))
                (v128.or (v128.load offset=32 (local.get $at)) (v128.load offset=48 (local.get $at)))))))
