# The machine sleeps (suspend to idle) while music plays, wakes by its clock, and plays on.
aplay -q -D hw:Headset -t raw -f S16_LE -c 2 -r 48000 /tests/48000.raw 2>/tmp/aplay &
music=$!
usleep 300000
rtcwake -m freeze -s 2 >/tmp/rtcwake 2>&1 || fail "rtcwake: $(tail -n 1 /tmp/rtcwake)"
kill $music 2>/dev/null
wait
aplay -q -D hw:Headset -t raw -f S16_LE -c 2 -r 48000 /tests/48000.raw 2>/tmp/aplay || fail "after the sleep: $(head -n 1 /tmp/aplay)"
dd if=/dev/sda of=/dev/null bs=64k count=4 2>/dev/null || fail "the disk after the sleep"
