# Keys that are pressed arrive as events.
for path in $(paths Keyboard); do
    wait_for 20 input "$path" || fail "no keyboard at $path"
    dd if="$(input "$path")" of=/tmp/keys bs=24 count=6 2>/dev/null &
    reader=$!
    sleep 1
    host type "${path#1-}" a
    wait_for 10 sh -c "[ \$(wc -c </tmp/keys) -ge 144 ]" || fail "no events from $path"
    kill $reader 2>/dev/null
    # struct input_event on 64 bits: type and code behind 16 bytes of time. EV_KEY is 1, KEY_A is 30.
    hexdump -v -e '24/1 "%02x " "\n"' /tmp/keys >/tmp/events
    grep -q '01 00 1e 00 01 00 00 00' /tmp/events || fail "no press of A at $path"
    grep -q '01 00 1e 00 00 00 00 00' /tmp/events || fail "no release of A at $path"
    rm /tmp/keys
done
