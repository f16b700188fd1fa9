# The driver leaves and comes back, fifty times; the last time everything is there again.
device=$(basename "$(dirname "$(readlink -f /sys/bus/usb/devices/usb1)")")
round=0
while [ $round -lt 50 ]; do
    echo "$device" >/sys/bus/pci/drivers/xhci_hcd/unbind || { fail "round $round: unbind"; break; }
    echo "$device" >/sys/bus/pci/drivers/xhci_hcd/bind || { fail "round $round: bind"; break; }
    round=$((round + 1))
done
. /tests/enumerate.sh
kernel_said
