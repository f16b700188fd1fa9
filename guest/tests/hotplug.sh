# A disk comes and goes under load, fifty times.
round=0
while [ $round -lt 50 ]; do
    host attach disk,port=6
    wait_for 10 block 1-6 || { fail "round $round: no disk"; break; }
    dd if="$(block 1-6)" of=/dev/null bs=4k 2>/dev/null &
    host detach 6
    wait
    wait_for 10 sh -c '! test -e /sys/bus/usb/devices/1-6' || { fail "round $round: the disk stays"; break; }
    round=$((round + 1))
done
# Pulling a disk while it is read has to be told by the kernel: nothing of that is a complaint.
kernel_said
