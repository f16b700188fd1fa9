# Keys that are pressed arrive as events.
wait_for 20 input Keyboard || fail "no keyboard"
dd if="$(input Keyboard)" of=/tmp/keys bs=24 count=6 2>/dev/null &
reader=$!
sleep 1
host type 4 a
wait_for 10 sh -c "[ \$(wc -c </tmp/keys) -ge 144 ]" || fail "no events"
kill $reader 2>/dev/null
# struct input_event on 64 bits: type and code behind 16 bytes of time. EV_KEY is 1, KEY_A is 30.
hexdump -v -e '24/1 "%02x " "\n"' /tmp/keys | grep -q '01 00 1e 00 01 00 00 00' || fail "no press of A"
hexdump -v -e '24/1 "%02x " "\n"' /tmp/keys | grep -q '01 00 1e 00 00 00 00 00' || fail "no release of A"
