# An idle keyboard is suspended; a key wakes it, and arrives.
wait_for 20 input Keyboard || fail "no keyboard"
keyboard=$(product Keyboard)
echo 300 >"$keyboard/power/autosuspend_delay_ms"
echo enabled >"$keyboard/power/wakeup"
echo auto >"$keyboard/power/control"
dd if="$(input Keyboard)" of=/tmp/wake bs=24 count=3 2>/dev/null &
usleep 500000
wait_for 20 grep -q '^suspended' "$keyboard/power/runtime_status" || fail "the keyboard stays awake"
host type 4 b
wait_for 10 sh -c "[ -s /tmp/wake ]" || fail "the key is lost"
kill %1 2>/dev/null
echo on >"$keyboard/power/control"
wait
