# Every device is where it is plugged in, at its speed, with its driver.
seen_as() {
    [ "$(tr " " _ 2>/dev/null <"/sys/bus/usb/devices/$1/product")" = "$3" ] &&
        [ "$(cat "/sys/bus/usb/devices/$1/speed")" = "$2" ]
}
for device in $(echo "$devices" | tr , ' '); do
    IFS=: read -r path megabits product <<DEVICE
$device
DEVICE
    wait_for 20 seen_as "$path" "$megabits" "$product" || fail "no $product at $path with $megabits Mb/s"
done
for card in Headset Speaker; do wait_for 10 grep -q $card /proc/asound/cards || fail "no sound card $card"; done
for path in $(paths Disk); do wait_for 20 block "$path" || fail "no disk at $path"; done
for path in $(paths Keyboard); do wait_for 10 input "$path" || fail "no input device at $path"; done
case $interrupts in
    msix) kind=PCI-MSIX- ;;
    msi) kind=PCI-MSI- ;;
    intx) kind=IO-APIC ;;
esac
grep xhci /proc/interrupts | grep -q "$kind" || fail "no $interrupts interrupt"
say "info $(grep xhci /proc/interrupts | head -n 1 | tr -s ' ')"
