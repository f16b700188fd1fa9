# Every device is there, at its speed, with its driver.
at_speed() {
    for file in /sys/bus/usb/devices/*/product; do
        [ "$(cat "$file" 2>/dev/null)" = "$1" ] && [ "$(cat "$(dirname "$file")/speed")" = "$2" ] && return 0
    done
    return 1
}
check() { wait_for 20 at_speed "$1" "$2" || fail "no $1 at $2 Mb/s"; }
check Headset 480
check Speaker 12
check Keyboard 12
check Hub 480
check Disk 480
check Disk 5000
wait_for 10 grep -q Headset /proc/asound/cards || fail "no sound card Headset"
wait_for 10 grep -q Speaker /proc/asound/cards || fail "no sound card Speaker"
wait_for 20 test -b /dev/sda || fail "no disk"
wait_for 20 test -b /dev/sdb || fail "no second disk"
wait_for 10 input Keyboard || fail "no input device"
grep -q xhci /proc/interrupts || fail "no interrupt"
say "info $(grep xhci /proc/interrupts | head -n 1 | tr -s ' ')"
