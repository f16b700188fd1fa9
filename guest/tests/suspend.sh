# The machine sleeps (suspend to idle) while music plays, a key on its serial line wakes it, and everything works.
wait_for 20 grep -q Headset /proc/asound/cards || fail "no sound card"
for path in $(paths Disk); do wait_for 20 block "$path" || fail "no disk at $path"; done
(while cat /tests/48000.raw 2>/dev/null; do :; done) | aplay -q -D hw:Headset -t raw -f S16_LE -c 2 -r 48000 2>/dev/null &
usleep 500000
echo enabled >/sys/class/tty/ttyS0/power/wakeup || fail "the serial line does not wake"
say "wake 3"
echo freeze >/sys/power/state || fail "no suspend to idle"
read -r key </dev/console
killall aplay 2>/dev/null
wait
dmesg | grep -q 'PM: suspend exit' || fail "it did not sleep"
aplay -q -D hw:Headset -t raw -f S16_LE -c 2 -r 48000 /tests/48000.raw 2>/tmp/aplay || fail "after the sleep: $(head -n 1 /tmp/aplay)"
for path in $(paths Disk); do
    dd if="$(block "$path")" of=/dev/null bs=64k count=4 2>/dev/null || fail "disk $path after the sleep"
done
