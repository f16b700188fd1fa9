# Written, synced, forgotten, read again; two disks at once, with music.
aplay -q -D hw:Headset -t raw -f S16_LE -c 2 -r 48000 /tests/48000.raw 2>/tmp/aplay &
music=$!
for disk in sda sdb; do
    (
        dd if=/dev/urandom of=/tmp/$disk bs=64k count=64 2>/dev/null
        dd if=/tmp/$disk of=/dev/$disk bs=64k conv=fsync 2>/dev/null || echo write >/tmp/$disk.bad
    ) &
done
wait
echo 3 >/proc/sys/vm/drop_caches
for disk in sda sdb; do
    [ ! -e /tmp/$disk.bad ] || fail "$disk: $(cat /tmp/$disk.bad)"
    dd if=/dev/$disk bs=64k count=64 2>/dev/null | cmp -s - /tmp/$disk || fail "$disk reads back something else"
    rm -f /tmp/$disk
done
[ ! -s /tmp/aplay ] || fail "the music: $(head -n 1 /tmp/aplay)"
