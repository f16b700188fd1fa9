# An idle keyboard is suspended; a key wakes it.
keyboard=$(product Keyboard)
echo 0 >"$keyboard/power/autosuspend_delay_ms"
echo enabled >"$keyboard/power/wakeup"
echo auto >"$keyboard/power/control"
wait_for 20 grep -q '^suspended' "$keyboard/power/runtime_status" || fail "the keyboard stays awake"
dd if="$(input Keyboard)" of=/tmp/wake bs=24 count=2 2>/dev/null &
usleep 500000
wait_for 20 grep -q '^suspended' "$keyboard/power/runtime_status" || say "info not suspended with a reader"
host type 4 b
wait_for 10 sh -c "[ -s /tmp/wake ]" || fail "the key is lost"
echo on >"$keyboard/power/control"
wait
