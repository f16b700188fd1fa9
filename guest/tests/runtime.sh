# An idle keyboard is suspended; a key wakes it, and arrives. Behind a hub, the hub sleeps too and passes it on.
for path in $(paths Keyboard); do
    wait_for 20 input "$path" || fail "no keyboard at $path"
    keyboard=/sys/bus/usb/devices/$path
    echo 300 >"$keyboard/power/autosuspend_delay_ms"
    echo enabled >"$keyboard/power/wakeup"
    echo auto >"$keyboard/power/control"
    dd if="$(input "$path")" of=/tmp/wake bs=24 count=3 2>/dev/null &
    reader=$!
    wait_for 20 grep -q '^suspended' "$keyboard/power/runtime_status" || fail "the keyboard at $path stays awake"
    case $path in
        *.*) wait_for 20 grep -q '^suspended' "${keyboard%.*}/power/runtime_status" || fail "its hub stays awake" ;;
    esac
    host type "${path#1-}" b
    wait_for 10 sh -c "[ -s /tmp/wake ]" || fail "the key at $path is lost"
    kill $reader 2>/dev/null
    echo on >"$keyboard/power/control"
    rm /tmp/wake
done
wait
