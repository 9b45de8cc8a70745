;; The fields of a core module that does what its clock says. Each time that it reads is a command:
;; the low 32 bits are an operand, the next 8 bits say what to do with it, and the rest counts the
;; commands, because a map's time never goes back. `tests/tests/embed/hostile/lies` adds the exports,
;; all of which call `obey`, and writes the commands.
(import "wasi:clocks/monotonic-clock@0.2.0" "now" (func $now (result i64)))
(import "wasi:random/insecure-seed@0.2.0" "insecure-seed" (func $seed (param i32)))
(import "[export]localmap:core/local-map@0.1.0" "[resource-new]pinned" (func $new (param i32) (result i32)))
(import "[export]localmap:core/local-map@0.1.0" "[resource-rep]pinned" (func $rep (param i32) (result i32)))
(import "[export]localmap:core/local-map@0.1.0" "[resource-drop]pinned" (func $drop (param i32)))
(memory (export "memory") 2)

;; Obeys until the command is to return something.
(func $obey (result i32) (local $word i64) (local $operand i32) (local $what i32)
    (loop $next
        (local.set $word (call $now))
        (local.set $operand (i32.wrap_i64 (local.get $word)))
        (local.set $what (i32.and (i32.wrap_i64 (i64.shr_u (local.get $word) (i64.const 32))) (i32.const 255)))
        (block $return (block $store (block $grow (block $add (block $get (block $free
        (block $fill (block $trap (block $spin (block $recurse
            (br_table $return $store $grow $add $get $free $fill $trap $spin $recurse $return (local.get $what)))
        ;; recurse: without end
        (drop (call $deep)) (br $next))
        ;; spin
        (loop $always (br $always)))
        ;; trap
        unreachable)
        ;; fill: writes a seed
        (call $seed (local.get $operand)) (br $next))
        ;; free: drops a handle
        (call $drop (local.get $operand)) (br $next))
        ;; get: asks for the representation of a handle
        (drop (call $rep (local.get $operand))) (br $next))
        ;; add: creates a handle, and stores it at the next operand
        (i32.store (i32.wrap_i64 (call $now)) (call $new (local.get $operand))) (br $next))
        ;; grow: by so many pages
        (drop (memory.grow (local.get $operand))) (br $next))
        ;; store: the next operand at this address
        (i32.store (local.get $operand) (i32.wrap_i64 (call $now))) (br $next))
        ;; return
        (return (local.get $operand)))
    unreachable)

(func $deep (result i32) (i32.add (call $deep) (i32.const 1)))
