# Written, synced, forgotten, read again; all disks at once, with music.
for path in $(paths Disk); do wait_for 20 block "$path" || fail "no disk at $path"; done
wait_for 20 grep -q Headset /proc/asound/cards || fail "no sound card"
aplay -q -D hw:Headset -t raw -f S16_LE -c 2 -r 48000 /tests/48000.raw 2>/tmp/aplay &
for path in $(paths Disk); do
    (
        dd if=/dev/urandom of="/tmp/$path" bs=64k count=64 2>/dev/null
        dd if="/tmp/$path" of="$(block "$path")" bs=64k conv=fsync 2>/dev/null || echo write >"/tmp/$path.bad"
    ) &
done
wait
echo 3 >/proc/sys/vm/drop_caches
for path in $(paths Disk); do
    [ ! -e "/tmp/$path.bad" ] || fail "disk $path: $(cat "/tmp/$path.bad")"
    dd if="$(block "$path")" bs=64k count=64 2>/dev/null | cmp -s - "/tmp/$path" || fail "disk $path reads back something else"
    rm -f "/tmp/$path"
done
[ ! -s /tmp/aplay ] || fail "the music: $(head -n 1 /tmp/aplay)"
