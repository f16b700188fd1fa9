# What the device sends is what is recorded. The host compares.
arecord -q -D hw:Headset -t raw -f S16_LE -c 2 -r 48000 -d 1 /tmp/capture.raw 2>/tmp/arecord ||
    fail "arecord: $(head -n 1 /tmp/arecord)"
say "capture $(wc -c </tmp/capture.raw)"
cat /tmp/capture.raw >/dev/ttyS1
